#include "io/csv_columns.hh"
#include "io/csv_values.h"

#include <arrow/buffer_builder.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <random>
#include <string_view>

namespace strata
{
namespace
{

using Array = arrow::Result<std::shared_ptr<arrow::ArrayData>>;

struct Cell {
    const char *p;
    size_t n;
    bool quoted;
};

inline Cell cell_at(const CsvCells &c, size_t row)
{
    size_t k = row * c.columns + c.column;
    const char *p = c.block + (k ? c.ends[k - 1] + 1 : 0), *end = c.block + c.ends[k];
    if (c.column + 1 == c.columns && end > p && end[-1] == '\r') end--;
    auto n = static_cast<size_t>(end - p);
    // The index has seen that a mark in front has its like at the end.
    return n && *p == '"' ? Cell{p + 1, n - 2, true} : Cell{p, n, false};
}

// One bit a row, 64 rows at a time.
class Bits
{
  public:
    arrow::Status begin(size_t rows)
    {
        ARROW_ASSIGN_OR_RAISE(buffer_,
                              arrow::AllocateBuffer(static_cast<int64_t>(rows + 63) / 64 * 8, memory()));
        set_ = 0;
        return arrow::Status::OK();
    }
    void put(size_t from, uint64_t word)
    {
        memcpy(buffer_->mutable_data() + from / 8, &word, sizeof word);
        set_ += __builtin_popcountll(word);
    }
    int64_t set() const { return set_; }
    std::shared_ptr<arrow::Buffer> finish() { return std::move(buffer_); }

  private:
    std::shared_ptr<arrow::Buffer> buffer_;
    int64_t set_ = 0;
};

// Bits of as many rows as a word has, from the answers for each.
template <class F> bool each_word(const CsvCells &cells, Bits *bits, F known)
{
    for (size_t from = cells.from; from < cells.to; from += 64) {
        uint64_t word = 0;
        for (size_t row = from; row < std::min(from + 64, cells.to); row++) {
            st_csv_found found = known(row);
            if (found == ST_CSV_STRANGE) return false;
            word |= static_cast<uint64_t>(found == ST_CSV_VALUE) << (row - from);
        }
        bits->put(from, word);
    }
    return true;
}

// ---- values of a fixed size ----

// Parse: (text, its length, where the value goes) -> st_csv_found
template <class T, class Parse> class Values : public CsvColumn
{
  public:
    Values(std::shared_ptr<arrow::DataType> type, Parse parse) : type_(std::move(type)), parse_(parse) {}
    std::shared_ptr<arrow::DataType> type() const override { return type_; }
    arrow::Status begin(size_t rows) override
    {
        rows_ = static_cast<int64_t>(rows);
        ARROW_ASSIGN_OR_RAISE(values_,
                              arrow::AllocateBuffer(rows_ * static_cast<int64_t>(sizeof(T)), memory()));
        return known_.begin(rows);
    }
    arrow::Result<bool> take(const CsvCells &cells) override
    {
        auto *out = reinterpret_cast<T *>(values_->mutable_data());
        return each_word(cells, &known_, [&](size_t row) {
            Cell c = cell_at(cells, row);
            T value = {};
            st_csv_found found = c.n ? parse_(c.p, c.n, &value) : ST_CSV_MISSING;
            out[row] = value;
            return found;
        });
    }
    Array finish() override
    {
        return arrow::ArrayData::Make(type_, rows_, {known_.finish(), std::move(values_)},
                                      rows_ - known_.set());
    }

  private:
    std::shared_ptr<arrow::DataType> type_;
    Parse parse_;
    int64_t rows_ = 0;
    std::shared_ptr<arrow::Buffer> values_;
    Bits known_;
};

template <class T, class Parse>
std::unique_ptr<CsvColumn> values(std::shared_ptr<arrow::DataType> type, Parse parse)
{
    return std::make_unique<Values<T, Parse>>(std::move(type), parse);
}

class Truths : public CsvColumn
{
  public:
    std::shared_ptr<arrow::DataType> type() const override { return arrow::boolean(); }
    arrow::Status begin(size_t rows) override
    {
        rows_ = static_cast<int64_t>(rows);
        ARROW_RETURN_NOT_OK(values_.begin(rows));
        return known_.begin(rows);
    }
    arrow::Result<bool> take(const CsvCells &cells) override
    {
        uint64_t word = 0;
        return each_word(cells, &known_, [&](size_t row) {
            Cell c = cell_at(cells, row);
            bool value = false;
            st_csv_found found = c.n ? st_csv_truth(c.p, c.n, &value) : ST_CSV_MISSING;
            word = (row % 64 ? word : 0) | static_cast<uint64_t>(value) << row % 64;
            if (row % 64 == 63 || row + 1 == cells.to) values_.put(row / 64 * 64, word);
            return found;
        });
    }
    Array finish() override
    {
        return arrow::ArrayData::Make(type(), rows_, {known_.finish(), values_.finish()},
                                      rows_ - known_.set());
    }

  private:
    int64_t rows_ = 0;
    Bits values_, known_;
};

// ---- text ----

// The text of a quoted value: two marks in it stand for one.
inline std::string_view text_of(const Cell &c, bool doubled, std::string *room)
{
    std::string_view plain(c.p, c.n);
    if (!doubled || !c.quoted || !memchr(c.p, '"', c.n)) return plain;
    room->clear();
    for (size_t i = 0; i < c.n; i++) {
        room->push_back(c.p[i]);
        if (c.p[i] == '"') i++;
    }
    size_t n = room->size();
    room->append(8, 0); // which Dictionary may read
    return {room->data(), n};
}

// Texts one behind the other.
class Bytes
{
  public:
    arrow::Status add(std::string_view s)
    {
        ARROW_RETURN_NOT_OK(bytes_.Append(s));
        return ends_.Append(static_cast<int32_t>(bytes_.length()));
    }
    arrow::Status begin(int64_t n)
    {
        bytes_.Reset();
        ends_.Reset();
        ARROW_RETURN_NOT_OK(ends_.Reserve(n + 1));
        return ends_.Append(0);
    }
    int64_t n() const { return ends_.length() - 1; }
    const uint8_t *text(size_t i) const { return bytes_.data() + ends_.data()[i]; }
    arrow::Result<std::shared_ptr<arrow::ArrayData>> finish(std::shared_ptr<arrow::Buffer> known,
                                                            int64_t missing)
    {
        int64_t n = this->n();
        ARROW_ASSIGN_OR_RAISE(auto ends, ends_.Finish());
        ARROW_ASSIGN_OR_RAISE(auto bytes, bytes_.Finish());
        return arrow::ArrayData::Make(arrow::utf8(), n, {std::move(known), ends, bytes}, missing);
    }

  private:
    arrow::BufferBuilder bytes_{memory()};
    arrow::TypedBufferBuilder<int32_t> ends_{memory()};
};

class Texts : public CsvColumn
{
  public:
    std::shared_ptr<arrow::DataType> type() const override { return arrow::utf8(); }
    arrow::Status begin(size_t rows) override
    {
        ARROW_RETURN_NOT_OK(bytes_.begin(static_cast<int64_t>(rows)));
        return known_.begin(rows);
    }
    arrow::Result<bool> take(const CsvCells &cells) override
    {
        arrow::Status status;
        each_word(cells, &known_, [&](size_t row) {
            Cell c = cell_at(cells, row);
            if (status.ok()) status = bytes_.add(text_of(c, cells.doubled, &room_));
            return c.n || c.quoted ? ST_CSV_VALUE : ST_CSV_MISSING;
        });
        ARROW_RETURN_NOT_OK(status);
        return true;
    }
    Array finish() override { return bytes_.finish(known_.finish(), bytes_.n() - known_.set()); }

  private:
    Bytes bytes_;
    Bits known_;
    std::string room_;
};

// The different texts of a batch, numbered as they come. Most are short: the first eight bytes stand beside the length.
class Dictionary
{
  public:
    arrow::Status begin()
    {
        entries_.clear();
        slots_.assign(std::max<size_t>(slots_.size(), 64), 0);
        return texts_.begin(0);
    }
    // -1: memory ran out.
    int32_t code(std::string_view s)
    {
        uint64_t head = word_at(s.data(), s.size());
        auto h = static_cast<uint32_t>(hash(s, head));
        size_t place = h & (slots_.size() - 1);
        for (; slots_[place]; place = (place + 1) & (slots_.size() - 1)) {
            const Entry &e = entries_[slots_[place] - 1];
            if (e.head != head || e.n != s.size() || e.hash != h) continue;
            if (s.size() <= 8 || memcmp(texts_.text(slots_[place] - 1), s.data(), s.size()) == 0)
                return static_cast<int32_t>(slots_[place] - 1);
        }
        return add(s, {head, h, s.size()}, place);
    }
    arrow::Result<std::shared_ptr<arrow::ArrayData>> finish() { return texts_.finish(nullptr, 0); }

  private:
    struct Entry {
        uint64_t head;
        uint32_t hash;
        size_t n;
    };
    // Drawn anew, so that nobody can choose texts that meet in one place. No output depends on it.
    uint64_t seed_ = std::random_device()() | static_cast<uint64_t>(std::random_device()()) << 32;
    std::vector<Entry> entries_;
    std::vector<uint32_t> slots_; // entry + 1, 0: free; a power of two
    Bytes texts_;

    // At most eight bytes. Those behind the text are in the margin of the block at worst.
    static uint64_t word_at(const char *p, size_t n)
    {
        uint64_t word = 0;
        if constexpr (std::endian::native != std::endian::little) {
            memcpy(&word, p, std::min<size_t>(n, 8));
            return word;
        }
        memcpy(&word, p, 8);
        return n >= 8 ? word : word & ((UINT64_C(1) << 8 * n) - 1);
    }
    static uint64_t mix(uint64_t a, uint64_t b)
    {
        __extension__ using wide = unsigned __int128;
        wide product = static_cast<wide>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd6e8feb86659fd93);
        return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    }
    uint64_t hash(std::string_view s, uint64_t head) const
    {
        uint64_t h = mix(head ^ s.size(), seed_);
        for (size_t at = 8; at < s.size(); at += 8) h = mix(h ^ word_at(s.data() + at, s.size() - at), seed_);
        return h ^ h >> 32;
    }
    int32_t add(std::string_view s, Entry entry, size_t place)
    {
        if (!texts_.add(s).ok()) return -1;
        entries_.push_back(entry);
        auto code = static_cast<uint32_t>(entries_.size());
        slots_[place] = code;
        if (2 * entries_.size() > slots_.size()) grow();
        return static_cast<int32_t>(code - 1);
    }
    void grow()
    {
        slots_.assign(2 * slots_.size(), 0);
        for (size_t i = 0; i < entries_.size(); i++) {
            size_t place = entries_[i].hash & (slots_.size() - 1);
            while (slots_[place]) place = (place + 1) & (slots_.size() - 1);
            slots_[place] = static_cast<uint32_t>(i + 1);
        }
    }
};

class Codes : public CsvColumn
{
  public:
    std::shared_ptr<arrow::DataType> type() const override
    {
        return arrow::dictionary(arrow::int32(), arrow::utf8());
    }
    arrow::Status begin(size_t rows) override
    {
        rows_ = static_cast<int64_t>(rows);
        ARROW_ASSIGN_OR_RAISE(codes_,
                              arrow::AllocateBuffer(rows_ * static_cast<int64_t>(sizeof(int32_t)), memory()));
        ARROW_RETURN_NOT_OK(texts_.begin());
        return known_.begin(rows);
    }
    arrow::Result<bool> take(const CsvCells &cells) override
    {
        auto *out = reinterpret_cast<int32_t *>(codes_->mutable_data());
        bool full = false;
        each_word(cells, &known_, [&](size_t row) {
            Cell c = cell_at(cells, row);
            bool known = c.n || c.quoted;
            out[row] = known ? texts_.code(text_of(c, cells.doubled, &room_)) : 0;
            full |= out[row] < 0;
            return known ? ST_CSV_VALUE : ST_CSV_MISSING;
        });
        if (full) return arrow::Status::OutOfMemory("memory");
        return true;
    }
    Array finish() override
    {
        ARROW_ASSIGN_OR_RAISE(auto texts, texts_.finish());
        auto codes =
            arrow::ArrayData::Make(type(), rows_, {known_.finish(), std::move(codes_)}, rows_ - known_.set());
        codes->dictionary = texts;
        return codes;
    }

  private:
    int64_t rows_ = 0;
    std::shared_ptr<arrow::Buffer> codes_;
    Dictionary texts_;
    Bits known_;
    std::string room_;
};

// ---- by declaration ----

std::unique_ptr<CsvColumn> decimal_column(unsigned digits, unsigned scale)
{
    auto d = static_cast<int32_t>(digits), s = static_cast<int32_t>(scale);
    if (digits <= 18)
        return values<int64_t>(arrow::decimal64(d, s), [=](const char *p, size_t n, int64_t *out) {
            return st_csv_decimal(p, n, digits, scale, out);
        });
    return values<st_csv_wide>(arrow::decimal128(d, s), [=](const char *p, size_t n, st_csv_wide *out) {
        return st_csv_long_decimal(p, n, digits, scale, out);
    });
}

std::unique_ptr<CsvColumn> time_column(CsvTimes times)
{
    bool zoned = times == CsvTimes::Zoned;
    auto type =
        zoned ? arrow::timestamp(arrow::TimeUnit::MICRO, "UTC") : arrow::timestamp(arrow::TimeUnit::MICRO);
    return values<int64_t>(type, [=](const char *p, size_t n, int64_t *out) {
        bool found_zoned = zoned;
        st_csv_found found = st_csv_time(p, n, out, &found_zoned);
        return found == ST_CSV_VALUE && found_zoned != zoned ? ST_CSV_STRANGE : found;
    });
}

} // namespace

CsvTimes csv_times(const CsvCells &cells)
{
    int64_t instant;
    bool zoned = false;
    for (size_t row = cells.from; row < cells.to; row++) {
        Cell c = cell_at(cells, row);
        st_csv_found found = c.n ? st_csv_time(c.p, c.n, &instant, &zoned) : ST_CSV_MISSING;
        if (found == ST_CSV_STRANGE) return CsvTimes::Unclear;
        if (found == ST_CSV_VALUE) return zoned ? CsvTimes::Zoned : CsvTimes::Local;
    }
    return CsvTimes::Unclear;
}

std::unique_ptr<CsvColumn> csv_column(const Wanted &wanted, CsvTimes times)
{
    const std::string &type = wanted.declared;
    unsigned digits, scale;
    if (wanted.list) return std::make_unique<Texts>();
    if (wanted.kind == Wanted::Truth) return std::make_unique<Truths>();
    if (type.starts_with("int")) return values<int64_t>(arrow::int64(), st_csv_int);
    if (type.starts_with("float")) return values<double>(arrow::float64(), st_csv_float);
    if (type.starts_with("date")) return values<int32_t>(arrow::date32(), st_csv_date);
    if (type.starts_with("timestamp") && times != CsvTimes::Unclear) return time_column(times);
    if (sscanf(type.c_str(), "decimal(%u,%u)", &digits, &scale) == 2) return decimal_column(digits, scale);
    if (wanted.kind == Wanted::Text && !wanted.unique) return std::make_unique<Codes>();
    return std::make_unique<Texts>();
}

} // namespace strata
