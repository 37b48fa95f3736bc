#include "io/parquet_pages.hh"

#include <arrow/util/bitmap_ops.h>
#include <arrow/util/parallel.h>
#include <parquet/arrow/schema.h>
#include <parquet/column_page.h>
#include <parquet/column_writer.h>
#include <parquet/exception.h>
#include <parquet/file_writer.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <vector>

namespace strata
{
namespace
{

bool is_bits(const arrow::Field &field)
{
    return field.type()->id() == arrow::Type::BOOL && !field.nullable();
}

// One column of one row group. All columns take rows at the same time; they are closed in their order, each behind the one
// before.
class Column
{
  public:
    virtual ~Column() = default;
    virtual arrow::Status add(const arrow::Array &values) = 0;
    // What can be done of the work before the columns in front are closed.
    virtual arrow::Status prepare() { return arrow::Status::OK(); }
    // The bytes in the file.
    virtual int64_t close() = 0;
};

// Parquet's plain pages hold yes and no the way Arrow holds them in memory: a group is one page, its bits are copied.
class Bits : public Column
{
  public:
    Bits(std::unique_ptr<parquet::PageWriter> pager, int64_t most_rows)
        : pager_(std::move(pager)), bits_(static_cast<size_t>((most_rows + 7) / 8))
    {
    }
    arrow::Status add(const arrow::Array &values) override
    {
        const auto &data = *values.data();
        arrow::internal::CopyBitmap(data.buffers[1]->data(), data.offset, data.length, bits_.data(), rows_);
        rows_ += data.length;
        return arrow::Status::OK();
    }
    arrow::Status prepare() override
    {
        int64_t bytes = (rows_ + 7) / 8;
        arrow::Buffer plain(bits_.data(), bytes);
        ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::ResizableBuffer> packed,
                              arrow::AllocateResizableBuffer(0));
        BEGIN_PARQUET_CATCH_EXCEPTIONS
        pager_->Compress(plain, packed.get());
        parquet::DataPageV1 page(packed, static_cast<int32_t>(rows_), parquet::Encoding::PLAIN,
                                 parquet::Encoding::RLE, parquet::Encoding::RLE, bytes);
        pager_->WriteDataPage(page);
        return arrow::Status::OK();
        END_PARQUET_CATCH_EXCEPTIONS
    }
    int64_t close() override
    {
        pager_->Close(/*has_dictionary=*/false, /*fallback=*/false);
        return pager_->total_compressed_bytes_written();
    }

  private:
    std::unique_ptr<parquet::PageWriter> pager_;
    std::vector<uint8_t> bits_;
    int64_t rows_ = 0;
};

class Values : public Column
{
  public:
    Values(std::shared_ptr<parquet::ColumnWriter> writer, bool nullable,
           parquet::ArrowWriterProperties *properties)
        : writer_(std::move(writer)), nullable_(nullable), context_(arrow::default_memory_pool(), properties)
    {
    }
    arrow::Status add(const arrow::Array &values) override
    {
        levels_.resize(nullable_ ? static_cast<size_t>(values.length()) : 0);
        for (size_t i = 0; i < levels_.size(); i++) levels_[i] = values.IsValid(static_cast<int64_t>(i));
        BEGIN_PARQUET_CATCH_EXCEPTIONS
        return writer_->WriteArrow(nullable_ ? levels_.data() : nullptr, nullptr, values.length(), values,
                                   &context_, nullable_);
        END_PARQUET_CATCH_EXCEPTIONS
    }
    int64_t close() override
    {
        writer_->Close();
        return writer_->total_compressed_bytes_written();
    }

  private:
    std::shared_ptr<parquet::ColumnWriter> writer_;
    bool nullable_;
    parquet::ArrowWriteContext context_;
    std::vector<int16_t> levels_;
};

class Pages : public ParquetPages
{
  public:
    Pages(std::shared_ptr<arrow::Schema> schema, std::shared_ptr<arrow::io::OutputStream> sink,
          std::shared_ptr<parquet::WriterProperties> properties)
        : schema_(std::move(schema)), sink_(std::move(sink)), properties_(std::move(properties)),
          arrow_properties_(parquet::default_arrow_writer_properties())
    {
    }

    arrow::Status open()
    {
        ARROW_RETURN_NOT_OK(parquet::arrow::ToParquetSchema(schema_.get(), *properties_, *arrow_properties_,
                                                            &columns_schema_));
        file_ = parquet::FileMetaDataBuilder::Make(columns_schema_.get(), properties_);
        return sink_->Write("PAR1", 4);
    }

    arrow::Status write(const arrow::RecordBatch &piece) override
    {
        if (columns_.empty()) open_group();
        rows_ += piece.num_rows();
        ARROW_RETURN_NOT_OK(
            each_column([&](size_t i) { return columns_[i]->add(*piece.column(static_cast<int>(i))); }));
        return rows_ == properties_->max_row_group_length() ? close_group() : arrow::Status::OK();
    }

    arrow::Status finish() override
    {
        if (!columns_.empty()) ARROW_RETURN_NOT_OK(close_group());
        parquet::WriteFileMetaData(*file_->Finish(), sink_.get());
        return arrow::Status::OK();
    }

  private:
    std::shared_ptr<arrow::Schema> schema_;
    std::shared_ptr<arrow::io::OutputStream> sink_;
    std::shared_ptr<parquet::WriterProperties> properties_;
    std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties_;
    std::shared_ptr<parquet::SchemaDescriptor> columns_schema_;
    std::unique_ptr<parquet::FileMetaDataBuilder> file_;
    // the group in hand
    parquet::RowGroupMetaDataBuilder *group_ = nullptr;
    std::vector<std::unique_ptr<Column>> columns_; // empty: no group is begun
    int64_t rows_ = 0;
    int16_t groups_ = 0;

    template <class F> arrow::Status each_column(F body)
    {
        return arrow::internal::ParallelFor(static_cast<int>(columns_.size()),
                                            [&](int i) { return body(static_cast<size_t>(i)); });
    }

    void open_group()
    {
        group_ = file_->AppendRowGroup();
        rows_ = 0;
        for (int i = 0; i < columns_schema_->num_columns(); i++) columns_.push_back(new_column(i));
    }

    std::unique_ptr<Column> new_column(int i)
    {
        auto *metadata = group_->NextColumnChunk();
        const auto &path = columns_schema_->Column(i)->path();
        auto pager = parquet::PageWriter::Open(sink_, properties_->compression(path), metadata, groups_,
                                               static_cast<int16_t>(i), arrow::default_memory_pool(),
                                               /*buffered_row_group=*/true);
        const auto &field = *schema_->field(i);
        if (is_bits(field))
            return std::make_unique<Bits>(std::move(pager), properties_->max_row_group_length());
        return std::make_unique<Values>(
            parquet::ColumnWriter::Make(metadata, std::move(pager), properties_.get()), field.nullable(),
            arrow_properties_.get());
    }

    arrow::Status close_group()
    {
        ARROW_RETURN_NOT_OK(each_column([&](size_t i) { return columns_[i]->prepare(); }));
        int64_t bytes = 0;
        for (auto &column : columns_) bytes += column->close();
        group_->set_num_rows(rows_);
        group_->Finish(bytes, groups_++);
        columns_.clear();
        return arrow::Status::OK();
    }
};

} // namespace

bool parquet_pages_suit(const arrow::Schema &schema)
{
    const auto &fields = schema.fields();
    return std::any_of(fields.begin(), fields.end(), [](const auto &f) { return is_bits(*f); }) &&
           std::none_of(fields.begin(), fields.end(),
                        [](const auto &f) { return f->type()->num_fields() > 0; });
}

arrow::Result<std::unique_ptr<ParquetPages>>
open_parquet_pages(std::shared_ptr<arrow::Schema> schema, std::shared_ptr<arrow::io::OutputStream> sink,
                   std::shared_ptr<parquet::WriterProperties> properties)
{
    auto pages = std::make_unique<Pages>(std::move(schema), std::move(sink), std::move(properties));
    ARROW_RETURN_NOT_OK(pages->open());
    return pages;
}

} // namespace strata
