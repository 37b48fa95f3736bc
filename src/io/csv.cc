// CSV, whatever it is like: Arrow splits the rows and makes texts of them, table/bind.c makes values of the texts. A watcher on
// the bytes knows where a row is broken, which Arrow does not say.
#include "io/csv.hh"

#include <arrow/csv/api.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace strata
{
namespace
{

const char longest_row[] = "a row is longer than 4 MiB. Is a quotation mark left open?";

// Eight bytes at once: of those that are commas the upper bit is left, and nothing of the others.
int64_t commas_in(const char *p, size_t n)
{
    constexpr uint64_t each = 0x0101010101010101, low = 0x7f * each;
    int64_t found = 0;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        word ^= ',' * each;
        uint64_t commas = ~(((word & low) + low) | word | low);
        found += static_cast<int64_t>((commas >> 7) * each >> 56);
    }
    return found + std::count(p, p + n, ',');
}

// Follows rows and quotes as Arrow's parser does.
class Layout
{
  public:
    void feed(const char *p, int64_t n)
    {
        const char *end = p + n;
        while (p < end) {
            const char *next = at_row_start() ? past_plain_row(p, end) : p;
            if (next == p && !keeping_) next = past_plain_bytes(p, end);
            if (next == p) step(*next++);
            p = next;
        }
    }
    void end()
    {
        if (state_ == Quoted)
            note("a quotation mark opens here and is never closed.");
        else
            end_row();
    }
    // How many of the bytes are the header's.
    int64_t feed_header(const char *p, int64_t n)
    {
        int64_t i = 0;
        while (i < n && in_header()) step(p[i++]);
        return i;
    }
    bool in_header() const { return rows_ == 0; }
    const std::vector<std::string> &names() const { return names_; }
    void keep_names() { keeping_ = true; }
    // What is wrong with the first row that is not as it should be, "" where none is.
    const std::string &trouble() const { return trouble_; }

  private:
    enum State { Start, Plain, Quoted, Quote } state_ = Start;
    int64_t rows_ = 0, values_ = 0, expected_ = 0;
    bool empty_ = true, keeping_ = false;
    std::string name_, trouble_;
    std::vector<std::string> names_;

    void keep(char c)
    {
        if (keeping_ && in_header()) name_ += c;
    }
    void end_value()
    {
        if (keeping_ && in_header()) names_.push_back(name_);
        name_.clear();
        values_++;
        state_ = Start;
    }
    void end_row()
    {
        if (!empty_) {
            end_value();
            if (in_header())
                expected_ = values_;
            else if (values_ != expected_)
                note("the row has " + std::to_string(values_) + (values_ == 1 ? " value" : " values") +
                     ", but the header names " + std::to_string(expected_) + " columns.");
            rows_++;
        }
        values_ = 0;
        empty_ = true;
        state_ = Start;
    }
    bool at_row_start() const { return empty_ && !in_header(); }
    // Behind bytes that change nothing.
    const char *past_plain_bytes(const char *p, const char *end) const
    {
        if (state_ == Quoted)
            while (p < end && *p != '"') p++;
        if (state_ == Plain)
            while (p < end && *p != ',' && *p != '\n' && *p != '\r') p++;
        return p;
    }
    // Behind a row that ends in these bytes and has no quotes, which is then counted at once; or p.
    const char *past_plain_row(const char *p, const char *end)
    {
        auto *stop = static_cast<const char *>(memchr(p, '\n', static_cast<size_t>(end - p)));
        if (!stop) return p;
        const char *last = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
        auto n = static_cast<size_t>(last - p);
        if (memchr(p, '"', n) || memchr(p, '\r', n)) return p;
        empty_ = last == p;
        values_ = commas_in(p, n);
        end_row();
        return stop + 1;
    }
    void note(const std::string &what)
    {
        if (trouble_.empty())
            trouble_ = (in_header() ? "header: " : "row " + std::to_string(rows_) + ": ") + what;
    }
    void step(char c)
    {
        if (state_ == Quoted) {
            if (c == '"')
                state_ = Quote;
            else
                keep(c);
            return;
        }
        if (c == '\n' || c == '\r') {
            end_row();
            return;
        }
        empty_ = false;
        if (c == ',') {
            end_value();
        } else if (c == '"' && (state_ == Start || state_ == Quote)) {
            if (state_ == Quote) keep(c);
            state_ = Quoted;
        } else {
            keep(c);
            state_ = Plain;
        }
    }
};

class Watched : public arrow::io::InputStream
{
  public:
    explicit Watched(std::shared_ptr<arrow::io::InputStream> raw) : raw_(std::move(raw)) {}
    arrow::Status Close() override { return raw_->Close(); }
    bool closed() const override { return raw_->closed(); }
    arrow::Result<int64_t> Tell() const override { return raw_->Tell(); }
    arrow::Result<int64_t> Read(int64_t n, void *out) override
    {
        ARROW_ASSIGN_OR_RAISE(int64_t got, raw_->Read(n, out));
        ARROW_RETURN_NOT_OK(see(static_cast<const char *>(out), got, n));
        return got;
    }
    arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t n) override
    {
        ARROW_ASSIGN_OR_RAISE(auto buffer, raw_->Read(n));
        ARROW_RETURN_NOT_OK(see(reinterpret_cast<const char *>(buffer->data()), buffer->size(), n));
        return buffer;
    }
    std::string trouble()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return layout_.trouble();
    }

  private:
    std::shared_ptr<arrow::io::InputStream> raw_;
    std::mutex mutex_;
    Layout layout_;
    bool ended_ = false;

    arrow::Status see(const char *p, int64_t got, int64_t asked)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        layout_.feed(p, got);
        if (got > 0 || asked == 0 || ended_) return arrow::Status::OK();
        ended_ = true;
        layout_.end();
        return layout_.trouble().empty() ? arrow::Status::OK() : plain_error(layout_.trouble());
    }
};

arrow::Status check_header(const std::vector<std::string> &names, const WantedColumns &wanted)
{
    for (const auto &w : wanted)
        if (std::count(names.begin(), names.end(), w.name) > 1)
            return plain_error("two columns are called " + w.name + ". Rename one of them.");
    for (const auto &[sign, word] : {std::pair(';', "semicolons"), std::pair('\t', "tabs")})
        if (names.size() == 1 && names[0].find(sign) != std::string::npos)
            return plain_error(std::string("the values are separated by ") + word +
                               ". Save the file with commas between them.");
    return arrow::Status::OK();
}

arrow::Result<CsvHeader> header_of(const std::string &path)
{
    ARROW_ASSIGN_OR_RAISE(auto bytes, open_bytes(path));
    Layout layout;
    layout.keep_names();
    CsvHeader header;
    while (layout.in_header() && header.bytes < csv_block_bytes && !header.alone) {
        ARROW_ASSIGN_OR_RAISE(auto block, bytes->Read(1 << 14));
        auto *p = reinterpret_cast<const char *>(block->data());
        int64_t n = block->size(), mark = 0;
        if (header.bytes == 0) {
            mark = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
            if (n >= 2 && (memcmp(p, "\xff\xfe", 2) == 0 || memcmp(p, "\xfe\xff", 2) == 0))
                return plain_error("the file is written in UTF-16. Save it as CSV in UTF-8.");
        }
        if (n == 0) {
            layout.end();
            header.alone = true;
        }
        header.bytes += mark + layout.feed_header(p + mark, n - mark);
    }
    if (!layout.trouble().empty()) return plain_error(layout.trouble());
    header.names = layout.names();
    if (header.names.empty()) return plain_error("the file is empty. Its first line must name the columns.");
    return header;
}

class CsvRows : public Rows
{
  public:
    std::shared_ptr<arrow::Schema> schema() override { return schema_; }
    arrow::Result<std::shared_ptr<arrow::RecordBatch>> next() override
    {
        std::shared_ptr<arrow::RecordBatch> batch;
        if (!reader_) return batch;
        auto status = reader_->ReadNext(&batch);
        if (!status.ok()) return understood(status);
        return batch;
    }

    arrow::Status open(const std::string &path, const WantedColumns &wanted)
    {
        ARROW_ASSIGN_OR_RAISE(auto header, csv_header(path, wanted));
        const auto &names = header.names;
        auto convert = conversion(names, wanted);
        if (header.alone) {
            arrow::FieldVector fields;
            for (const auto &name : convert.include_columns)
                fields.push_back(arrow::field(name, arrow::utf8()));
            schema_ = arrow::schema(fields, describe(names));
            return arrow::Status::OK();
        }
        ARROW_ASSIGN_OR_RAISE(auto bytes, open_bytes(path));
        input_ = std::make_shared<Watched>(bytes);
        auto read = arrow::csv::ReadOptions::Defaults();
        read.block_size = csv_block_bytes;
        auto parse = arrow::csv::ParseOptions::Defaults();
        parse.newlines_in_values = true;
        auto reader =
            arrow::csv::StreamingReader::Make(arrow::io::IOContext(memory()), input_, read, parse, convert);
        if (!reader.ok()) return understood(reader.status());
        reader_ = *reader;
        schema_ = reader_->schema()->WithMetadata(describe(names));
        return arrow::Status::OK();
    }

  private:
    std::shared_ptr<Watched> input_;
    std::shared_ptr<arrow::csv::StreamingReader> reader_;
    std::shared_ptr<arrow::Schema> schema_;

    static arrow::csv::ConvertOptions conversion(const std::vector<std::string> &names,
                                                 const WantedColumns &wanted)
    {
        auto options = arrow::csv::ConvertOptions::Defaults();
        options.check_utf8 = false; // bind.c looks at every different text, and knows its row
        options.null_values = {""};
        options.strings_can_be_null = true;
        options.quoted_strings_can_be_null = false;
        for (const auto &w : wanted) {
            if (std::find(names.begin(), names.end(), w.name) == names.end()) continue;
            options.include_columns.push_back(w.name);
            bool dictionary = w.kind == Wanted::Text && !w.list && !w.unique;
            options.column_types[w.name] =
                dictionary ? arrow::dictionary(arrow::int32(), arrow::utf8()) : arrow::utf8();
        }
        if (options.include_columns.empty()) { // none would mean all
            options.include_columns.push_back(names[0]);
            options.column_types[names[0]] = arrow::utf8();
        }
        return options;
    }

    arrow::Status understood(const arrow::Status &status)
    {
        std::string trouble = input_->trouble();
        if (!trouble.empty()) return plain_error(trouble);
        if (status.message().find("straddl") != std::string::npos) return plain_error(longest_row);
        return status;
    }
};

} // namespace

arrow::Result<CsvHeader> csv_header(const std::string &path, const WantedColumns &wanted)
{
    ARROW_ASSIGN_OR_RAISE(auto header, header_of(path));
    ARROW_RETURN_NOT_OK(check_header(header.names, wanted));
    return header;
}

arrow::Result<std::unique_ptr<Rows>> open_csv(const std::string &path, const WantedColumns &wanted)
{
    auto rows = std::make_unique<CsvRows>();
    ARROW_RETURN_NOT_OK(rows->open(path, wanted));
    return rows;
}

} // namespace strata
