// Parquet and Arrow files. Rows are cut into groups of a fixed size first, so that how they came does not show in the file.
#include "io/parquet_pages.hh"
#include "io/parts.h"

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/io/api.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>

#include <memory>
#include <vector>

namespace
{

constexpr int64_t piece_rows = 1 << 16, group_rows = 1 << 20;

class Sink : public arrow::io::OutputStream
{
  public:
    explicit Sink(st_out_file *file) : file_(file) {}
    arrow::Status Close() override
    {
        closed_ = true;
        return arrow::Status::OK();
    }
    bool closed() const override { return closed_; }
    arrow::Result<int64_t> Tell() const override { return at_; }
    arrow::Status Write(const void *bytes, int64_t n) override
    {
        if (st_out_write(file_, bytes, static_cast<size_t>(n), &error_))
            return arrow::Status::IOError(error_.message);
        at_ += n;
        return arrow::Status::OK();
    }
    const strata_error &error() const { return error_; }

  private:
    st_out_file *file_;
    strata_error error_ = {};
    int64_t at_ = 0;
    bool closed_ = false;
};

constexpr auto packing = parquet::Compression::SNAPPY;

// Whether packing saves an eighth of the bits of yes and no, as those of rules that hold for few or for nearly all do. Of others it
// saves next to nothing, and costs more time than all that is left of writing them.
arrow::Result<bool> packs(const arrow::Array &values)
{
    const auto &data = *values.data();
    const uint8_t *bits = data.buffers[1]->data() + data.offset / 8;
    int64_t bytes = values.length() / 8;
    ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(packing));
    ARROW_ASSIGN_OR_RAISE(auto room, arrow::AllocateBuffer(codec->MaxCompressedLen(bytes, bits)));
    ARROW_ASSIGN_OR_RAISE(int64_t packed, codec->Compress(bytes, bits, room->size(), room->mutable_data()));
    return packed < bytes - bytes / 8;
}

// Of yes and no there are no statistics worth their time, and whether they are packed is seen from the first rows, where these are
// known. A key of numbers is in no other row, so a dictionary of it would be made in vain; but most count up, or nearly so, and
// take little room as differences.
arrow::Result<std::shared_ptr<parquet::WriterProperties>> properties_for(const arrow::Schema &schema,
                                                                         const arrow::RecordBatch *first_rows)
{
    parquet::WriterProperties::Builder builder;
    builder.compression(packing)->max_row_group_length(group_rows);
    for (int i = 0; i < schema.num_fields(); i++) {
        const auto &field = *schema.field(i);
        auto path = parquet::schema::ColumnPath(std::vector<std::string>{field.name()}).ToDotString();
        if (field.type()->id() == arrow::Type::BOOL) {
            builder.disable_statistics(path);
            ARROW_ASSIGN_OR_RAISE(bool pays, first_rows ? packs(*first_rows->column(i)) : true);
            if (!pays) builder.compression(path, parquet::Compression::UNCOMPRESSED);
        }
        if (field.type()->id() == arrow::Type::INT64 && i == 0)
            builder.disable_dictionary(path)->encoding(path, parquet::Encoding::DELTA_BINARY_PACKED);
    }
    return builder.build();
}

class Writer
{
  public:
    arrow::Status open(bool parquet, struct ArrowSchema *schema, st_out_file *file)
    {
        sink_ = std::make_shared<Sink>(file);
        ARROW_ASSIGN_OR_RAISE(schema_, arrow::ImportSchema(schema));
        if (!parquet) {
            ARROW_ASSIGN_OR_RAISE(arrow_, arrow::ipc::MakeFileWriter(sink_, schema_));
            return arrow::Status::OK();
        }
        in_pages_ = strata::parquet_pages_suit(*schema_);
        if (in_pages_) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(auto properties, properties_for(*schema_, nullptr));
        auto arrow_properties = parquet::ArrowWriterProperties::Builder().set_use_threads(true)->build();
        ARROW_ASSIGN_OR_RAISE(parquet_,
                              parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), sink_,
                                                               properties, arrow_properties));
        return arrow::Status::OK();
    }

    arrow::Status write(struct ArrowArray *array)
    {
        ARROW_ASSIGN_OR_RAISE(auto batch, arrow::ImportRecordBatch(array, schema_));
        for (int64_t at = 0; at < batch->num_rows();) {
            int64_t n = std::min(piece_rows - waiting_rows_, batch->num_rows() - at);
            waiting_.push_back(batch->Slice(at, n));
            waiting_rows_ += n;
            at += n;
            if (waiting_rows_ == piece_rows) ARROW_RETURN_NOT_OK(write_piece());
        }
        return arrow::Status::OK();
    }

    arrow::Status finish()
    {
        if (waiting_rows_) ARROW_RETURN_NOT_OK(write_piece());
        if (in_pages_ && !pages_) ARROW_RETURN_NOT_OK(open_pages(nullptr));
        if (pages_) return pages_->finish();
        return parquet_ ? parquet_->Close() : arrow_->Close();
    }

    strata_status outcome(const arrow::Status &status, strata_error *error) const
    {
        if (status.ok()) return STRATA_OK;
        if (sink_ && sink_->error().status)
            return st_io_fail(error, sink_->error().status, "%s", sink_->error().message);
        if (status.IsOutOfMemory()) return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
        return st_io_fail(error, STRATA_INTERNAL, "The rows cannot be written: %.700s",
                          status.message().c_str());
    }

  private:
    std::shared_ptr<Sink> sink_;
    std::shared_ptr<arrow::Schema> schema_;
    bool in_pages_ = false;
    // one of them; pages from the first rows on
    std::unique_ptr<strata::ParquetPages> pages_;
    std::unique_ptr<parquet::arrow::FileWriter> parquet_;
    std::shared_ptr<arrow::ipc::RecordBatchWriter> arrow_;
    std::vector<std::shared_ptr<arrow::RecordBatch>> waiting_;
    int64_t waiting_rows_ = 0;

    arrow::Status open_pages(const arrow::RecordBatch *first_rows)
    {
        ARROW_ASSIGN_OR_RAISE(auto properties, properties_for(*schema_, first_rows));
        ARROW_ASSIGN_OR_RAISE(pages_, strata::open_parquet_pages(schema_, sink_, properties));
        return arrow::Status::OK();
    }

    arrow::Status write_piece()
    {
        auto piece = waiting_[0];
        if (waiting_.size() > 1) {
            ARROW_ASSIGN_OR_RAISE(piece, arrow::ConcatenateRecordBatches(waiting_));
        }
        waiting_.clear();
        waiting_rows_ = 0;
        if (in_pages_ && !pages_) ARROW_RETURN_NOT_OK(open_pages(piece.get()));
        if (pages_) return pages_->write(*piece);
        return parquet_ ? parquet_->WriteRecordBatch(*piece) : arrow_->WriteRecordBatch(*piece);
    }
};

template <class F> strata_status guarded(const Writer *w, strata_error *error, F body)
{
    try {
        return w->outcome(body(), error);
    } catch (const std::bad_alloc &) {
        return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    } catch (const std::exception &e) {
        return st_io_fail(error, STRATA_INTERNAL, "The rows cannot be written: %.700s", e.what());
    }
}

strata_status write_batch(void *state, struct ArrowArray *batch, strata_error *error)
{
    auto *w = static_cast<Writer *>(state);
    auto status = guarded(w, error, [&] { return w->write(batch); });
    if (batch->release) batch->release(batch);
    return status;
}

strata_status finish_file(void *state, strata_error *error)
{
    auto *w = static_cast<Writer *>(state);
    return guarded(w, error, [&] { return w->finish(); });
}

void free_writer(void *state)
{
    delete static_cast<Writer *>(state);
}

} // namespace

strata_status st_arrow_writer_new(st_io_format format, struct ArrowSchema *schema, st_out_file *file,
                                  st_io_way *way, void **state, strata_error *error)
{
    auto *w = new (std::nothrow) Writer;
    if (!w) return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    *way = {write_batch, finish_file, free_writer};
    *state = w;
    return guarded(w, error, [&] { return w->open(format == ST_IO_PARQUET, schema, file); });
}
