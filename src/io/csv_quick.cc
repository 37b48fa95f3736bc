// CSV as it is commonly written: blocks of whole rows are turned into values of the declared types, several at the same time.
// A file with anything else in it is refused, for csv.cc to read.
#include "io/csv.hh"
#include "io/csv_columns.hh"
#include "io/csv_index.hh"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include <arrow/util/thread_pool.h>

namespace strata
{
namespace
{

constexpr size_t read_bytes = 1 << 20;
constexpr size_t group_rows = 512; // taken column by column while their text is near; a multiple of 64

using Batch = arrow::Result<std::shared_ptr<arrow::RecordBatch>>;

arrow::Status strange()
{
    return plain_error("the file is not written as most are.");
}

// ---- bytes ----

// Room for the text of some rows, with its margins.
class Block
{
  public:
    char *text() { return room_.get() + csv_margin; }
    size_t n = 0;
    void reserve(size_t bytes)
    {
        if (bytes <= most_) return;
        bytes += bytes / 4; // blocks are not all of one size
        std::unique_ptr<char[]> more(new char[bytes + 2 * csv_margin]);
        if (n) memcpy(more.get() + csv_margin, text(), n);
        room_ = std::move(more);
        most_ = bytes;
    }

  private:
    std::unique_ptr<char[]> room_;
    size_t most_ = 0;
};

// The blocks of a file, one after the other.
class Blocks
{
  public:
    arrow::Status open(const std::string &path, int64_t header_bytes)
    {
        ARROW_ASSIGN_OR_RAISE(bytes_, open_bytes(path));
        return bytes_->Advance(header_bytes);
    }
    // False: there is none any more.
    arrow::Result<bool> next(Block *b)
    {
        b->n = 0;
        b->reserve(rest_.size() + read_bytes + 1);
        std::copy(rest_.begin(), rest_.end(), b->text());
        b->n = rest_.size();
        rest_.clear();
        size_t whole = 0;
        while (whole == 0 && !ended_) {
            if (b->n > csv_block_bytes) return strange();
            b->reserve(b->n + read_bytes + 1);
            ARROW_RETURN_NOT_OK(fill(b));
            if (!begun_) begin(b);
            whole = csv_cut(b->text(), b->n);
        }
        if (ended_) return close(b);
        rest_.assign(b->text() + whole, b->text() + b->n);
        b->n = whole;
        return true;
    }

  private:
    std::shared_ptr<arrow::io::InputStream> bytes_;
    std::vector<char> rest_; // the beginning of a row
    bool begun_ = false, ended_ = false;

    // The header ends with the first byte of its line end.
    void begin(Block *b)
    {
        char *p = b->text(),
             *row = std::find_if_not(p, p + b->n, [](char c) { return c == '\n' || c == '\r'; });
        memmove(p, row, static_cast<size_t>(p + b->n - row));
        b->n -= static_cast<size_t>(row - p);
        begun_ = b->n > 0;
    }
    // A packed file may give less at a time than it is asked for.
    arrow::Status fill(Block *b)
    {
        for (size_t left = read_bytes; left && !ended_;) {
            ARROW_ASSIGN_OR_RAISE(int64_t got, bytes_->Read(static_cast<int64_t>(left), b->text() + b->n));
            ended_ = got == 0;
            b->n += static_cast<size_t>(got);
            left -= static_cast<size_t>(got);
        }
        return arrow::Status::OK();
    }
    // The last rows: the last one may have no line end, and there may be empty lines behind it.
    static bool close(Block *b)
    {
        char *p = b->text();
        while (b->n && (p[b->n - 1] == '\n' || p[b->n - 1] == '\r')) b->n--;
        if (b->n) p[b->n++] = '\n';
        return b->n > 0;
    }
};

// ---- from a block to a batch ----

class Parser
{
  public:
    Parser(std::shared_ptr<arrow::Schema> schema, size_t columns)
        : schema_(std::move(schema)), width_(columns)
    {
    }
    void add(size_t place, std::unique_ptr<CsvColumn> column)
    {
        places_.push_back(place);
        columns_.push_back(std::move(column));
    }
    Batch parse(Block *b)
    {
        if (!index_.find(b->text(), b->n, width_)) return strange();
        size_t rows = index_.rows();
        if (width_ == 1 && has_empty_line(b->text())) return strange();
        for (auto &column : columns_) ARROW_RETURN_NOT_OK(column->begin(rows));
        CsvCells cells = {b->text(), index_.ends(), width_, 0, 0, 0, index_.doubled()};
        for (; cells.from < rows; cells.from = cells.to) {
            cells.to = std::min(cells.from + group_rows, rows);
            for (size_t i = 0; i < columns_.size(); i++) {
                cells.column = places_[i];
                ARROW_ASSIGN_OR_RAISE(bool good, columns_[i]->take(cells));
                if (!good) return strange();
            }
        }
        std::vector<std::shared_ptr<arrow::ArrayData>> arrays(columns_.size());
        for (size_t i = 0; i < columns_.size(); i++) {
            ARROW_ASSIGN_OR_RAISE(arrays[i], columns_[i]->finish());
        }
        return arrow::RecordBatch::Make(schema_, static_cast<int64_t>(rows), std::move(arrays));
    }

  private:
    std::shared_ptr<arrow::Schema> schema_;
    size_t width_;
    std::vector<size_t> places_; // among those of the file
    std::vector<std::unique_ptr<CsvColumn>> columns_;
    CsvIndex index_;

    // In a file of one column an empty line looks like a row.
    bool has_empty_line(const char *p) const
    {
        size_t begin = 0;
        for (size_t r = 0; r < index_.rows(); begin = index_.ends()[r++] + 1) {
            size_t end = index_.ends()[r];
            if (end == begin || (end == begin + 1 && p[begin] == '\r')) return true;
        }
        return false;
    }
};

// ---- several blocks at a time ----

class QuickRows : public Rows
{
  public:
    ~QuickRows() override
    {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        for (auto &thread : threads_) thread.join();
    }
    std::shared_ptr<arrow::Schema> schema() override { return schema_; }
    bool runs_ahead() const override { return true; }
    Batch next() override
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return done_.contains(taken_); });
        Batch batch = std::move(done_.extract(taken_).mapped());
        taken_++;
        lock.unlock();
        changed_.notify_all();
        return batch;
    }

    arrow::Status open(const std::string &path, const CsvHeader &header, const WantedColumns &wanted)
    {
        std::vector<Chosen> chosen = choose(header.names, wanted);
        ARROW_RETURN_NOT_OK(look_at_times(path, header, &chosen));
        arrow::FieldVector fields;
        for (const auto &c : chosen)
            fields.push_back(arrow::field(header.names[c.place], csv_column(c.wanted, c.times)->type()));
        schema_ = arrow::schema(fields, describe(header.names));
        ARROW_RETURN_NOT_OK(blocks_.open(path, header.bytes));
        start(path, header.names.size(), chosen);
        return arrow::Status::OK();
    }

  private:
    struct Chosen {
        size_t place;
        Wanted wanted;
        CsvTimes times = CsvTimes::Unclear;
    };
    std::shared_ptr<arrow::Schema> schema_;
    std::vector<std::thread> threads_;
    size_t most_ahead_ = 0;
    std::mutex mutex_; // of what follows
    std::condition_variable changed_;
    Blocks blocks_;
    uint64_t read_ = 0, taken_ = 0; // blocks
    bool over_ = false;             // no more are read
    std::map<uint64_t, Batch> done_;

    static std::vector<Chosen> choose(const std::vector<std::string> &names, const WantedColumns &wanted)
    {
        std::vector<Chosen> chosen;
        for (const auto &w : wanted) {
            auto at = std::find(names.begin(), names.end(), w.name);
            if (at != names.end()) chosen.push_back({static_cast<size_t>(at - names.begin()), w});
        }
        // Rows are counted all the same.
        if (chosen.empty())
            chosen.push_back({0, Wanted{names[0], Wanted::Text, false, false, true, "string?", true}});
        return chosen;
    }

    // How timestamps are written, by the first of them.
    static arrow::Status look_at_times(const std::string &path, const CsvHeader &header,
                                       std::vector<Chosen> *chosen)
    {
        auto is_time = [](const Chosen &c) { return c.wanted.kind == Wanted::Time; };
        if (std::none_of(chosen->begin(), chosen->end(), is_time)) return arrow::Status::OK();
        Blocks blocks;
        Block block;
        CsvIndex index;
        ARROW_RETURN_NOT_OK(blocks.open(path, header.bytes));
        ARROW_ASSIGN_OR_RAISE(bool any, blocks.next(&block));
        size_t columns = header.names.size();
        if (!any || !index.find(block.text(), block.n, columns)) return arrow::Status::OK();
        for (auto &c : *chosen)
            if (is_time(c))
                c.times = csv_times(
                    {block.text(), index.ends(), columns, c.place, 0, index.rows(), index.doubled()});
        return arrow::Status::OK();
    }

    void start(const std::string &path, size_t columns, const std::vector<Chosen> &chosen)
    {
        auto most = static_cast<size_t>(std::max(arrow::GetCpuThreadPoolCapacity(), 1));
        if (path.ends_with(".csv")) most = std::min(most, std::filesystem::file_size(path) / read_bytes + 1);
        most_ahead_ = 2 * most;
        for (size_t i = 0; i < most; i++) {
            auto parser = std::make_shared<Parser>(schema_, columns);
            for (const auto &c : chosen) parser->add(c.place, csv_column(c.wanted, c.times));
            try {
                threads_.emplace_back([this, parser] { work(parser.get()); });
            } catch (const std::system_error &) {
                if (threads_.empty()) throw;
                return; // those that run do all the work
            }
        }
    }

    void work(Parser *parser)
    {
        Block block;
        uint64_t number;
        while (read_block(&block, &number)) {
            Batch batch = guarded([&] { return parser->parse(&block); });
            hand_over(number, std::move(batch));
        }
    }

    template <class F> static Batch guarded(F body)
    {
        try {
            return body();
        } catch (const std::bad_alloc &) {
            return arrow::Status::OutOfMemory("memory");
        } catch (const std::exception &e) {
            return arrow::Status::Invalid(e.what());
        }
    }

    // False: there is nothing more to do.
    bool read_block(Block *block, uint64_t *number)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return over_ || read_ < taken_ + most_ahead_; });
        if (over_) return false;
        bool more = false;
        Batch end = guarded([&]() -> Batch {
            ARROW_ASSIGN_OR_RAISE(more, blocks_.next(block));
            return nullptr;
        });
        *number = read_++;
        if (more) return true;
        over_ = true;
        done_.emplace(*number, std::move(end));
        changed_.notify_all();
        return false;
    }

    void hand_over(uint64_t number, Batch batch)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        over_ = over_ || !batch.ok();
        done_.emplace(number, std::move(batch));
        changed_.notify_all();
    }
};

} // namespace

arrow::Result<std::unique_ptr<Rows>> open_csv_quick(const std::string &path, const WantedColumns &wanted)
{
    ARROW_ASSIGN_OR_RAISE(auto header, csv_header(path, wanted));
    if (header.alone) return open_csv(path, wanted);
    auto rows = std::make_unique<QuickRows>();
    ARROW_RETURN_NOT_OK(rows->open(path, header, wanted));
    return rows;
}

} // namespace strata
