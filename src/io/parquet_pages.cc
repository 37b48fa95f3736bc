#include "io/parquet_pages.hh"

#include <arrow/util/bitmap_ops.h>
#include <arrow/util/compression.h>
#include <arrow/util/future.h>
#include <arrow/util/parallel.h>
#include <arrow/util/thread_pool.h>
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
    virtual arrow::Status add(const std::shared_ptr<arrow::Array> &values) = 0;
    // What can be done of the work before the columns in front are closed.
    virtual arrow::Status prepare() { return arrow::Status::OK(); }
    // The bytes in the file.
    virtual arrow::Result<int64_t> close() = 0;
};

// What every column of a group writes to.
struct Place {
    std::shared_ptr<arrow::io::OutputStream> sink;
    parquet::Compression::type compression;
    parquet::ColumnChunkMetaDataBuilder *metadata;
    int16_t group, column;

    // Buffered: what is written is kept until the pager is closed.
    std::unique_ptr<parquet::PageWriter> open(bool buffered) const
    {
        return parquet::PageWriter::Open(sink, compression, metadata, group, column,
                                         arrow::default_memory_pool(), buffered);
    }
};

// Parquet's plain pages hold yes and no the way Arrow holds them in memory: a group is one page. Where the pieces of a group lie
// one behind the other, as those of one result do, it is made of their bits themselves.
class Bits : public Column
{
  public:
    explicit Bits(Place place) : place_(std::move(place)) {}
    arrow::Status add(const std::shared_ptr<arrow::Array> &values) override
    {
        pieces_.push_back(values->data());
        rows_ += values->length();
        return arrow::Status::OK();
    }
    arrow::Status prepare() override
    {
        ARROW_ASSIGN_OR_RAISE(page_, joined());
        plain_bytes_ = page_->size();
        if (place_.compression == parquet::Compression::UNCOMPRESSED) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(place_.compression));
        int64_t most = codec->MaxCompressedLen(plain_bytes_, page_->data());
        ARROW_ASSIGN_OR_RAISE(auto packed, arrow::AllocateResizableBuffer(most));
        ARROW_ASSIGN_OR_RAISE(int64_t bytes,
                              codec->Compress(plain_bytes_, page_->data(), most, packed->mutable_data()));
        ARROW_RETURN_NOT_OK(packed->Resize(bytes, /*shrink_to_fit=*/false));
        page_ = std::move(packed);
        pieces_.clear();
        return arrow::Status::OK();
    }
    arrow::Result<int64_t> close() override
    {
        BEGIN_PARQUET_CATCH_EXCEPTIONS
        auto pager = place_.open(/*buffered=*/false);
        pager->WriteDataPage(parquet::DataPageV1(page_, static_cast<int32_t>(rows_), parquet::Encoding::PLAIN,
                                                 parquet::Encoding::RLE, parquet::Encoding::RLE,
                                                 plain_bytes_));
        pager->Close(/*has_dictionary=*/false, /*fallback=*/false);
        return pager->total_compressed_bytes_written();
        END_PARQUET_CATCH_EXCEPTIONS
    }

  private:
    Place place_;
    std::vector<std::shared_ptr<arrow::ArrayData>> pieces_;
    std::shared_ptr<arrow::Buffer> page_;
    int64_t rows_ = 0, plain_bytes_ = 0;

    static const uint8_t *first_byte(const arrow::ArrayData &piece)
    {
        return piece.buffers[1]->data() + piece.offset / 8;
    }
    // Each begins at a byte, where the one before ends; in the last byte nothing stands behind the last row.
    bool one_behind_the_other() const
    {
        const uint8_t *begin = first_byte(*pieces_[0]);
        int64_t at = 0;
        for (const auto &piece : pieces_) {
            if (piece->offset % 8 != 0 || at % 8 != 0 || first_byte(*piece) != begin + at / 8) return false;
            at += piece->length;
        }
        return at % 8 == 0 || begin[at / 8] >> at % 8 == 0;
    }
    arrow::Result<std::shared_ptr<arrow::Buffer>> joined() const
    {
        int64_t bytes = (rows_ + 7) / 8, at = 0;
        if (one_behind_the_other()) return std::make_shared<arrow::Buffer>(first_byte(*pieces_[0]), bytes);
        ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> all, arrow::AllocateBuffer(bytes));
        if (bytes) all->mutable_data()[bytes - 1] = 0;
        for (const auto &piece : pieces_) {
            arrow::internal::CopyBitmap(piece->buffers[1]->data(), piece->offset, piece->length,
                                        all->mutable_data(), at);
            at += piece->length;
        }
        return all;
    }
};

class Values : public Column
{
  public:
    Values(const Place &place, const parquet::WriterProperties *file, bool nullable, bool waits,
           parquet::ArrowWriterProperties *properties)
        : writer_(parquet::ColumnWriter::Make(place.metadata, place.open(/*buffered=*/true), file)),
          nullable_(nullable), waits_(waits), context_(arrow::default_memory_pool(), properties)
    {
    }
    arrow::Status add(const std::shared_ptr<arrow::Array> &values) override
    {
        if (!waits_) return write(*values);
        pieces_.push_back(values);
        return arrow::Status::OK();
    }
    arrow::Status prepare() override
    {
        for (auto &piece : pieces_) {
            ARROW_RETURN_NOT_OK(write(*piece));
            piece.reset();
        }
        return arrow::Status::OK();
    }
    arrow::Result<int64_t> close() override
    {
        BEGIN_PARQUET_CATCH_EXCEPTIONS
        writer_->Close();
        return writer_->total_compressed_bytes_written();
        END_PARQUET_CATCH_EXCEPTIONS
    }

  private:
    std::shared_ptr<parquet::ColumnWriter> writer_;
    bool nullable_, waits_;
    parquet::ArrowWriteContext context_;
    std::vector<std::shared_ptr<arrow::Array>> pieces_;
    std::vector<int16_t> levels_;

    arrow::Status write(const arrow::Array &values)
    {
        levels_.resize(nullable_ ? static_cast<size_t>(values.length()) : 0);
        for (size_t i = 0; i < levels_.size(); i++) levels_[i] = values.IsValid(static_cast<int64_t>(i));
        BEGIN_PARQUET_CATCH_EXCEPTIONS
        return writer_->WriteArrow(nullable_ ? levels_.data() : nullptr, nullptr, values.length(), values,
                                   &context_, nullable_);
        END_PARQUET_CATCH_EXCEPTIONS
    }
};

// Values of a fixed size take no more room than their pages do: they wait until the group is complete, and are then written
// beside all other columns.
bool waits(const arrow::Field &field)
{
    return arrow::is_fixed_width(*field.type());
}

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
        ARROW_RETURN_NOT_OK(add(piece));
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

    // Only what is encoded at once is worth a thread.
    arrow::Status add(const arrow::RecordBatch &piece)
    {
        std::vector<int> encoded;
        for (int i = 0; i < piece.num_columns(); i++) {
            if (waits(*schema_->field(i)))
                ARROW_RETURN_NOT_OK(columns_[static_cast<size_t>(i)]->add(piece.column(i)));
            else
                encoded.push_back(i);
        }
        return arrow::internal::ParallelFor(static_cast<int>(encoded.size()), [&](int k) {
            int i = encoded[static_cast<size_t>(k)];
            return columns_[static_cast<size_t>(i)]->add(piece.column(i));
        });
    }

    void open_group()
    {
        group_ = file_->AppendRowGroup();
        rows_ = 0;
        for (int i = 0; i < columns_schema_->num_columns(); i++) columns_.push_back(new_column(i));
    }

    std::unique_ptr<Column> new_column(int i)
    {
        const auto &path = columns_schema_->Column(i)->path();
        const auto &field = *schema_->field(i);
        Place place = {sink_, properties_->compression(path), group_->NextColumnChunk(), groups_,
                       static_cast<int16_t>(i)};
        if (is_bits(field)) return std::make_unique<Bits>(std::move(place));
        return std::make_unique<Values>(place, properties_.get(), field.nullable(), waits(field),
                                        arrow_properties_.get());
    }

    // The columns are made ready on all threads, and written in their order while others are made ready.
    arrow::Status close_group()
    {
        arrow::internal::Executor *pool = arrow::internal::GetCpuThreadPool();
        std::vector<arrow::Future<>> ready;
        arrow::Status status;
        for (size_t i = 0; i < columns_.size() && status.ok(); i++) {
            auto future = pool->Submit([column = columns_[i].get()] { return column->prepare(); });
            status = future.status();
            if (future.ok()) ready.push_back(*future);
        }
        int64_t bytes = 0;
        // Also where one of them fails, the others are waited for: they use what is theirs.
        for (size_t i = 0; i < ready.size(); i++) {
            status &= ready[i].status();
            if (status.ok()) status = close(i, &bytes);
        }
        ARROW_RETURN_NOT_OK(status);
        group_->set_num_rows(rows_);
        group_->Finish(bytes, groups_++);
        columns_.clear();
        return arrow::Status::OK();
    }

    arrow::Status close(size_t i, int64_t *bytes)
    {
        ARROW_ASSIGN_OR_RAISE(int64_t written, columns_[i]->close());
        *bytes += written;
        columns_[i].reset();
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
