// Parquet and Arrow files.
#include "io/rows.hh"

#include <arrow/ipc/reader.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/metadata.h>

#include <algorithm>

namespace strata
{
namespace
{

const Wanted *find(const WantedColumns &wanted, const std::string &name)
{
    auto at = std::find_if(wanted.begin(), wanted.end(), [&](const Wanted &w) { return w.name == name; });
    return at == wanted.end() ? nullptr : &*at;
}

// ---- Parquet ----

constexpr int64_t batch_rows = 1 << 16, buffer_bytes = 1 << 18;

// All data pages of the first rows have dictionary codes: the dictionary then comes for nothing, otherwise it would have to
// be made twice.
bool has_dictionary(const parquet::FileMetaData &file, int leaf)
{
    if (file.num_row_groups() == 0) return false;
    auto group = file.RowGroup(0);
    auto chunk = group->ColumnChunk(leaf);
    if (!chunk->has_dictionary_page()) return false;
    bool any = false;
    for (const auto &page : chunk->encoding_stats()) {
        if (page.page_type != parquet::PageType::DATA_PAGE &&
            page.page_type != parquet::PageType::DATA_PAGE_V2)
            continue;
        any = true;
        if (page.encoding != parquet::Encoding::RLE_DICTIONARY &&
            page.encoding != parquet::Encoding::PLAIN_DICTIONARY)
            return false;
    }
    return any;
}

void add_leaves(const parquet::arrow::SchemaField &field, std::vector<int> *leaves)
{
    if (field.is_leaf()) leaves->push_back(field.column_index);
    for (const auto &child : field.children) add_leaves(child, leaves);
}

using Batch = arrow::Result<std::shared_ptr<arrow::RecordBatch>>;

class ParquetRows : public Rows
{
  public:
    std::shared_ptr<arrow::Schema> schema() override { return schema_; }
    Batch next() override
    {
        std::shared_ptr<arrow::RecordBatch> batch;
        ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch));
        return batch;
    }

    arrow::Status open(const std::string &path, const WantedColumns &wanted)
    {
        ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path, memory()));
        parquet::arrow::FileReaderBuilder builder;
        // Columns are read as they are decoded, each by the thread that decodes it, not all of them before the first row.
        parquet::ReaderProperties reading(memory());
        reading.enable_buffered_stream();
        reading.set_buffer_size(buffer_bytes);
        ARROW_RETURN_NOT_OK(builder.Open(file, reading));
        auto metadata = builder.raw_reader()->metadata();
        parquet::ArrowReaderProperties properties(/*use_threads=*/true);
        properties.set_batch_size(batch_rows);
        properties.set_pre_buffer(false);
        parquet::arrow::SchemaManifest manifest;
        ARROW_RETURN_NOT_OK(parquet::arrow::SchemaManifest::Make(
            metadata->schema(), metadata->key_value_metadata(), properties, &manifest));
        std::vector<int> leaves;
        std::vector<std::string> names;
        for (const auto &field : manifest.schema_fields) {
            names.push_back(field.field->name());
            const Wanted *w = find(wanted, field.field->name());
            if (!w) continue;
            add_leaves(field, &leaves);
            if (w->kind == Wanted::Text && !w->unique && field.is_leaf() &&
                has_dictionary(*metadata, field.column_index))
                properties.set_read_dictionary(field.column_index, true);
        }
        builder.properties(properties)->memory_pool(memory());
        ARROW_RETURN_NOT_OK(builder.Build(&reader_));
        std::vector<int> groups(static_cast<size_t>(metadata->num_row_groups()));
        for (size_t i = 0; i < groups.size(); i++) groups[i] = static_cast<int>(i);
        ARROW_ASSIGN_OR_RAISE(batches_, reader_->GetRecordBatchReader(groups, leaves));
        schema_ = batches_->schema()->WithMetadata(describe(names));
        return arrow::Status::OK();
    }

  private:
    std::unique_ptr<parquet::arrow::FileReader> reader_;
    std::unique_ptr<arrow::RecordBatchReader> batches_;
    std::shared_ptr<arrow::Schema> schema_;
};

// ---- Arrow's own files: random access, or a stream ----

class ArrowRows : public Rows
{
  public:
    std::shared_ptr<arrow::Schema> schema() override { return schema_; }
    // A batch may hold all the rows there are: they are handed out in pieces.
    Batch next() override
    {
        if (!batch_ || from_ == batch_->num_rows()) ARROW_RETURN_NOT_OK(read_batch());
        if (!batch_) return batch_;
        int64_t n = std::min(batch_rows, batch_->num_rows() - from_);
        from_ += n;
        return batch_->Slice(from_ - n, n);
    }

    arrow::Status open(const std::string &path, const WantedColumns &wanted)
    {
        // Its columns lie as they are used: they stay where the system has the file in memory, and nothing is copied.
        ARROW_ASSIGN_OR_RAISE(input_, arrow::io::MemoryMappedFile::Open(path, arrow::io::FileMode::READ));
        ARROW_ASSIGN_OR_RAISE(auto magic, input_->ReadAt(0, 6));
        bool random = magic->ToString() == "ARROW1";
        auto options = arrow::ipc::IpcReadOptions::Defaults();
        options.memory_pool = memory();
        ARROW_RETURN_NOT_OK(start(random, options));
        auto all = random ? file_->schema() : stream_->schema();
        for (int i = 0; i < all->num_fields(); i++)
            if (find(wanted, all->field(i)->name())) options.included_fields.push_back(i);
        // No field to include would mean all of them.
        if (!options.included_fields.empty()) ARROW_RETURN_NOT_OK(start(random, options));
        schema_ = (random ? file_->schema() : stream_->schema())->WithMetadata(describe(all->field_names()));
        return arrow::Status::OK();
    }

  private:
    arrow::Status read_batch()
    {
        batch_ = nullptr;
        from_ = 0;
        if (stream_) {
            ARROW_RETURN_NOT_OK(stream_->ReadNext(&batch_));
        } else if (at_ < file_->num_record_batches()) {
            ARROW_ASSIGN_OR_RAISE(batch_, file_->ReadRecordBatch(at_++));
        }
        // Buffers are used as they lie in the file: nothing else has looked at offsets and codes.
        return batch_ ? batch_->ValidateFull() : arrow::Status::OK();
    }

    arrow::Status start(bool random, const arrow::ipc::IpcReadOptions &options)
    {
        if (random) {
            ARROW_ASSIGN_OR_RAISE(file_, arrow::ipc::RecordBatchFileReader::Open(input_, options));
        } else {
            ARROW_RETURN_NOT_OK(input_->Seek(0));
            ARROW_ASSIGN_OR_RAISE(stream_, arrow::ipc::RecordBatchStreamReader::Open(input_, options));
        }
        return arrow::Status::OK();
    }

    std::shared_ptr<arrow::io::RandomAccessFile> input_;
    std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
    std::shared_ptr<arrow::RecordBatchReader> stream_;
    std::shared_ptr<arrow::Schema> schema_;
    std::shared_ptr<arrow::RecordBatch> batch_;
    int64_t from_ = 0; // rows of it that were handed out
    int at_ = 0;
};

} // namespace

arrow::Result<std::unique_ptr<Rows>> open_parquet(const std::string &path, const WantedColumns &wanted)
{
    auto rows = std::make_unique<ParquetRows>();
    ARROW_RETURN_NOT_OK(rows->open(path, wanted));
    return rows;
}

arrow::Result<std::unique_ptr<Rows>> open_arrow(const std::string &path, const WantedColumns &wanted)
{
    auto rows = std::make_unique<ArrowRows>();
    ARROW_RETURN_NOT_OK(rows->open(path, wanted));
    return rows;
}

} // namespace strata
