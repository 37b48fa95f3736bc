// From a path to a stream: chooses the format's reader, runs it ahead, and keeps exceptions in.
#include "io/rows.hh"

#include <arrow/c/bridge.h>
#include <arrow/util/compression.h>
#include <arrow/util/io_util.h>
#include <arrow/util/key_value_metadata.h>
#include <arrow/util/thread_pool.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace strata
{

namespace
{

class PlainDetail : public arrow::StatusDetail
{
  public:
    const char *type_id() const override { return "strata::plain"; }
    std::string ToString() const override { return {}; }
};

} // namespace

arrow::Status plain_error(std::string text)
{
    return {arrow::StatusCode::Invalid, std::move(text), std::make_shared<PlainDetail>()};
}

bool is_plain_error(const arrow::Status &status)
{
    return status.detail() && std::string(status.detail()->type_id()) == "strata::plain";
}

arrow::MemoryPool *memory()
{
    static const int64_t machine = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
    // Never destroyed: a thread of Arrow's may give memory back while the process ends.
    static auto *pool = new arrow::CappedMemoryPool(arrow::default_memory_pool(), machine / 4 * 3);
    return pool;
}

arrow::Result<std::shared_ptr<arrow::io::InputStream>> open_bytes(const std::string &path)
{
    static const std::pair<const char *, arrow::Compression::type> packings[] = {
        {".gz", arrow::Compression::GZIP},
        {".zst", arrow::Compression::ZSTD},
        {".bz2", arrow::Compression::BZ2},
        {".lz4", arrow::Compression::LZ4_FRAME}};
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::io::InputStream> raw,
                          arrow::io::ReadableFile::Open(path, memory()));
    for (const auto &[ending, type] : packings) {
        if (!path.ends_with(ending)) continue;
        ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(type));
        // The stream asks the codec only while it is made.
        ARROW_ASSIGN_OR_RAISE(auto unpacked,
                              arrow::io::CompressedInputStream::Make(codec.get(), raw, memory()));
        return unpacked;
    }
    return raw;
}

std::shared_ptr<arrow::KeyValueMetadata> describe(const std::vector<std::string> &names)
{
    std::string all;
    for (const auto &name : names) all += (all.empty() ? "" : "\n") + name;
    auto metadata = std::make_shared<arrow::KeyValueMetadata>();
    metadata->Append("strata:columns", all);
    return metadata;
}

namespace
{

// ---- the C stream ----

std::string first_line(const std::string &text)
{
    return text.substr(0, std::min<size_t>(text.find('\n'), 300));
}

std::string explain(const arrow::Status &status, const char *format)
{
    if (is_plain_error(status)) return status.message();
    if (status.IsOutOfMemory()) return "memory ran out while reading.";
    if (int code = arrow::internal::ErrnoFromStatus(status))
        return std::string("cannot be read: ") + strerror(code) + ".";
    return std::string("is damaged, or no ") + format + " (" + first_line(status.message()) +
           "). Write it anew.";
}

int code_of(const arrow::Status &status)
{
    return status.IsOutOfMemory() ? ENOMEM : arrow::internal::ErrnoFromStatus(status) ? EIO : EINVAL;
}

using Batch = arrow::Result<std::shared_ptr<arrow::RecordBatch>>;

Batch next_of(Rows *rows)
{
    try {
        return rows->next();
    } catch (const std::bad_alloc &) {
        return arrow::Status::OutOfMemory("memory");
    } catch (const std::exception &e) {
        return arrow::Status::Invalid(e.what());
    }
}

// The next batches are read while one is used, all on one thread: its memory serves one batch after the other.
class Ahead
{
  public:
    explicit Ahead(Rows *rows) : rows_(rows) {}
    ~Ahead()
    {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        if (thread_.joinable()) thread_.join();
    }
    Batch next()
    {
        if (!begun_) begin();
        if (!thread_.joinable()) return next_of(rows_);
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return taken_ < read_; });
        Batch batch = std::move(done_[taken_++ % most_ahead]);
        lock.unlock();
        changed_.notify_all();
        return batch;
    }

  private:
    static constexpr size_t most_ahead = 2;
    Rows *rows_;
    bool begun_ = false;
    std::thread thread_; // none where the system refuses one: batches are then read as they are asked for
    std::mutex mutex_;   // of what follows
    std::condition_variable changed_;
    std::array<Batch, most_ahead> done_; // by number, modulo their number
    uint64_t read_ = 0, taken_ = 0;
    bool over_ = false; // no more are read

    void begin()
    {
        begun_ = true;
        if (rows_->runs_ahead()) return;
        try {
            thread_ = std::thread([this] { work(); });
        } catch (const std::system_error &) {
        }
    }

    void work()
    {
        while (wait_for_room()) hand_over(next_of(rows_));
    }

    // False: there is nothing more to do.
    bool wait_for_room()
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return over_ || read_ - taken_ < most_ahead; });
        return !over_;
    }

    void hand_over(Batch batch)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        over_ = over_ || !batch.ok() || !*batch;
        done_[read_++ % most_ahead] = std::move(batch);
        changed_.notify_all();
    }
};

struct Stream {
    std::unique_ptr<Rows> rows;
    const char *format;
    Ahead ahead; // ends before the rows do
    bool ended = false;
    std::string error;

    Stream(std::unique_ptr<Rows> from, const char *name)
        : rows(std::move(from)), format(name), ahead(rows.get())
    {
    }
    int fail(const arrow::Status &status)
    {
        error = explain(status, format);
        ended = true;
        return code_of(status);
    }
};

int get_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    auto *s = static_cast<Stream *>(self->private_data);
    try {
        auto status = arrow::ExportSchema(*s->rows->schema(), out);
        return status.ok() ? 0 : s->fail(status);
    } catch (const std::exception &) {
        return ENOMEM;
    }
}

int get_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    auto *s = static_cast<Stream *>(self->private_data);
    out->release = nullptr;
    if (s->ended) return 0;
    try {
        Batch batch = s->ahead.next();
        if (!batch.ok()) return s->fail(batch.status());
        if (!*batch) {
            s->ended = true;
            return 0;
        }
        auto status = arrow::ExportRecordBatch(**batch, out);
        return status.ok() ? 0 : s->fail(status);
    } catch (const std::exception &) {
        s->ended = true;
        return ENOMEM;
    }
}

const char *get_last_error(struct ArrowArrayStream *self)
{
    auto *s = static_cast<Stream *>(self->private_data);
    return s->error.empty() ? nullptr : s->error.c_str();
}

void release(struct ArrowArrayStream *self)
{
    delete static_cast<Stream *>(self->private_data);
    self->release = nullptr;
}

// ---- opening ----

struct Format {
    arrow::Result<std::unique_ptr<Rows>> (*open)(const std::string &, const WantedColumns &);
    const char *name;
};

const Format formats[] = {{open_parquet, "Parquet file"},
                          {open_arrow, "Arrow file"},
                          {open_csv, "CSV file"},
                          {open_jsonl, "file of JSON lines"}};

Wanted wanted_of(const strata_column &c)
{
    std::string type = c.type;
    Wanted w{c.name,
             Wanted::Number,
             type.find("decimal") != std::string::npos,
             type.starts_with("list of "),
             c.key,
             type,
             c.spare};
    if (type.find("bool") != std::string::npos) w.kind = Wanted::Truth;
    if (type.find("string") != std::string::npos) w.kind = Wanted::Text;
    if (type.find("date") != std::string::npos || type.find("timestamp") != std::string::npos)
        w.kind = Wanted::Time;
    return w;
}

// Whether its values are read quickly where that is allowed.
bool is_quick(st_io_format format)
{
    return format == ST_IO_CSV;
}

strata_status open_stream(const char *path, const strata_table *table, bool quick,
                          struct ArrowArrayStream *out, strata_error *error)
{
    bool compressed;
    st_io_format format = st_io_format_of(path, &compressed);
    if (format == ST_IO_NO_FORMAT)
        return st_io_fail(error, STRATA_BAD_INPUT,
                          "%.400s: its format is not clear. A data file's name ends in " ST_IO_ENDINGS ".",
                          path);
    WantedColumns wanted;
    for (size_t i = 0; i < table->ncolumns; i++)
        if (table->columns[i].needed) wanted.push_back(wanted_of(table->columns[i]));
    auto rows = (quick && is_quick(format) ? open_csv_quick : formats[format].open)(path, wanted);
    if (!rows.ok()) {
        int code = code_of(rows.status());
        auto status = code == ENOMEM ? STRATA_NO_MEMORY : code == EIO ? STRATA_IO : STRATA_BAD_DATA;
        auto why = explain(rows.status(), formats[format].name);
        return st_io_fail(error, status, "%.300s%s %.600s", path, why.starts_with("row ") ? "," : ":",
                          why.c_str());
    }
    auto stream = std::make_unique<Stream>(std::move(*rows), formats[format].name);
    *out = {get_schema, get_next, get_last_error, release, stream.release()};
    return STRATA_OK;
}

} // namespace
} // namespace strata

static strata_status guarded_open(const char *path, const strata_table *table, bool quick,
                                  struct ArrowArrayStream *stream, strata_error *error)
{
    try {
        return strata::open_stream(path, table, quick, stream, error);
    } catch (const std::bad_alloc &) {
        return st_io_fail(error, STRATA_NO_MEMORY, "Out of memory.");
    } catch (const std::exception &e) {
        return st_io_fail(error, STRATA_BAD_DATA, "%.300s: is damaged (%.300s). Write it anew.", path,
                          e.what());
    }
}

strata_status st_io_open(const char *path, const strata_table *table, struct ArrowArrayStream *stream,
                         strata_error *error)
{
    return guarded_open(path, table, false, stream, error);
}

strata_status st_io_open_quick(const char *path, const strata_table *table, struct ArrowArrayStream *stream,
                               bool *quick, strata_error *error)
{
    bool compressed;
    *quick = strata::is_quick(st_io_format_of(path, &compressed));
    return guarded_open(path, table, *quick, stream, error);
}

void st_io_threads(uint32_t threads)
{
    auto n = threads ? threads : std::max(1u, std::thread::hardware_concurrency());
    (void)arrow::SetCpuThreadPoolCapacity(static_cast<int>(std::min(n, 256u)));
}

bool st_io_has_arrow(void)
{
    return true;
}
