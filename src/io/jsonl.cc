// JSON lines: one object a line, read here rather than by Arrow, so that messages know row, column and value, and numbers keep
// all their digits on the way to table/bind.c.
#include "io/rows.hh"

#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>

namespace strata
{
namespace
{

constexpr int64_t read_bytes = 1 << 20;
constexpr size_t longest_line = 16 << 20, listed_names = 12, known_names = 1000;
constexpr int64_t batch_rows = 1 << 16, batch_bytes = 32 << 20;
constexpr int deepest = 200; // lists and objects within each other

// What is wrong with a line; row and column are put in front.
struct Bad {
    std::string what;
};

struct Value {
    enum Kind { Null, True, False, Number, Text, List, Object } kind;
    std::string_view raw; // of a number
};

class Line
{
  public:
    Line(const char *p, const char *end) : p_(p), end_(end) {}

    bool take(char c)
    {
        blanks();
        if (p_ == end_ || *p_ != c) return false;
        p_++;
        return true;
    }
    void expect(char c, const char *where)
    {
        if (!take(c)) throw Bad{std::string("a ") + c + " is missing " + where + "."};
    }
    bool at_end()
    {
        blanks();
        return p_ == end_;
    }
    // The value at hand. Of a text the content goes to `text`; lists and objects are only announced.
    Value value(std::string *text)
    {
        blanks();
        char c = p_ < end_ ? *p_ : 0;
        if (c == '"') {
            string(text);
            return {Value::Text, {}};
        }
        if (c == '[' || c == '{') return {c == '[' ? Value::List : Value::Object, {}};
        if (word("null")) return {Value::Null, {}};
        if (word("true")) return {Value::True, {}};
        if (word("false")) return {Value::False, {}};
        return {Value::Number, number()};
    }
    void skip(int depth)
    {
        if (depth > deepest) throw Bad{"lists and objects lie more than 200 deep within each other."};
        std::string text;
        auto v = value(&text);
        if (v.kind == Value::List) skip_inside(']', false, depth);
        if (v.kind == Value::Object) skip_inside('}', true, depth);
    }
    void string(std::string *out)
    {
        out->clear();
        blanks();
        if (p_ == end_ || *p_ != '"') throw Bad{"a name in quotes is missing."};
        for (p_++;;) {
            const char *from = p_;
            while (p_ < end_ && *p_ != '"' && *p_ != '\\' && static_cast<unsigned char>(*p_) >= 32) p_++;
            out->append(from, p_);
            if (p_ == end_) throw Bad{"a quotation mark is never closed."};
            if (static_cast<unsigned char>(*p_) < 32)
                throw Bad{"a control character stands in a text. Write it as \\u00…."};
            if (*p_++ == '"') return;
            escape(out);
        }
    }

  private:
    const char *p_, *end_;

    void blanks()
    {
        while (p_ < end_ && (*p_ == ' ' || *p_ == '\t' || *p_ == '\r')) p_++;
    }
    bool word(const char *w)
    {
        size_t n = strlen(w);
        if (static_cast<size_t>(end_ - p_) < n || memcmp(p_, w, n) != 0) return false;
        p_ += n;
        return true;
    }
    std::string_view number()
    {
        const char *from = p_;
        while (p_ < end_ && strchr("+-.0123456789eE", *p_) && *p_) p_++;
        const char *digits = from + (from < p_ && *from == '-');
        if (digits == p_ || *digits < '0' || *digits > '9')
            throw Bad{"this is not JSON: " + rest(from) + "."};
        return {from, static_cast<size_t>(p_ - from)};
    }
    std::string rest(const char *from) const
    {
        return from == end_ ? "the line ends too early"
                            : std::string(from, static_cast<size_t>(std::min<ptrdiff_t>(end_ - from, 40)));
    }
    void skip_inside(char close, bool names, int depth)
    {
        std::string name;
        p_++;
        if (take(close)) return;
        do {
            if (names) {
                string(&name);
                expect(':', "behind a name");
            }
            skip(depth + 1);
        } while (take(','));
        expect(close, "at the end of a list or object");
    }
    unsigned hex4()
    {
        unsigned v = 0;
        for (int i = 0; i < 4; i++, p_++) {
            if (p_ == end_ || !isxdigit(static_cast<unsigned char>(*p_)))
                throw Bad{"\\u needs four hexadecimal digits."};
            v = v * 16 + static_cast<unsigned>(*p_ <= '9' ? *p_ - '0' : (*p_ | 32) - 'a' + 10);
        }
        return v;
    }
    void escape(std::string *out)
    {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        char c = p_ < end_ ? *p_++ : 0;
        if (c == 'u') {
            unsigned v = hex4();
            if (v >= 0xd800 && v < 0xdc00 && end_ - p_ >= 6 && p_[0] == '\\' && p_[1] == 'u') {
                p_ += 2;
                unsigned low = hex4();
                if (low < 0xdc00 || low > 0xdfff) throw Bad{"\\u names half a character."};
                v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
            }
            if (v >= 0xd800 && v < 0xe000) throw Bad{"\\u names half a character."};
            put_utf8(v, out);
            return;
        }
        const char *at = c ? strchr(from, c) : nullptr;
        if (!at) throw Bad{"a backslash stands before a character that needs none."};
        *out += to[at - from];
    }
    static void put_utf8(unsigned v, std::string *out)
    {
        auto put = [&](unsigned byte) { *out += static_cast<char>(byte); };
        if (v < 0x80) {
            put(v);
            return;
        }
        int more = v < 0x800 ? 1 : v < 0x10000 ? 2 : 3;
        put((more == 1 ? 0xc0u : more == 2 ? 0xe0u : 0xf0u) | v >> (6 * more));
        while (more--) put(0x80u | (v >> (6 * more) & 0x3fu));
    }
};

struct Column {
    Wanted wanted;
    std::shared_ptr<arrow::StringBuilder> texts;
    std::unique_ptr<arrow::ListBuilder> lists;
    bool seen = false, filled = false; // in any line, in this one
};

class JsonRows : public Rows
{
  public:
    std::shared_ptr<arrow::Schema> schema() override { return schema_; }

    arrow::Result<std::shared_ptr<arrow::RecordBatch>> next() override
    {
        int64_t rows = 0;
        bytes_ = 0;
        while (rows < batch_rows && bytes_ < batch_bytes) {
            std::string_view line;
            ARROW_ASSIGN_OR_RAISE(bool any, next_line(&line));
            if (!any) break;
            if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
            ARROW_RETURN_NOT_OK(take_line(line));
            rows++;
        }
        if (done_ && total_ > 0) ARROW_RETURN_NOT_OK(check_seen());
        if (rows == 0) return nullptr;
        return finish(rows);
    }

    arrow::Status open(const std::string &path, const WantedColumns &wanted)
    {
        ARROW_ASSIGN_OR_RAISE(input_, open_bytes(path));
        arrow::FieldVector fields;
        for (const auto &w : wanted) {
            Column c{w, std::make_shared<arrow::StringBuilder>(memory()), nullptr};
            if (w.list) c.lists = std::make_unique<arrow::ListBuilder>(memory(), c.texts);
            fields.push_back(arrow::field(w.name, w.list ? arrow::list(arrow::utf8()) : arrow::utf8()));
            columns_.push_back(std::move(c));
        }
        schema_ = arrow::schema(fields, describe({}));
        return arrow::Status::OK();
    }

  private:
    std::shared_ptr<arrow::io::InputStream> input_;
    std::shared_ptr<arrow::Schema> schema_;
    std::vector<Column> columns_;
    std::vector<std::string> names_; // of all lines, as far as they are few
    std::unordered_set<std::string> known_;
    std::string pending_; // bytes that are not yet a line
    size_t at_ = 0;       // where the next line begins
    bool done_ = false;
    int64_t total_ = 0, bytes_ = 0;

    arrow::Result<bool> next_line(std::string_view *line)
    {
        for (size_t searched = at_;;) {
            size_t stop = pending_.find('\n', searched);
            if (stop != std::string::npos) {
                *line = std::string_view(pending_).substr(at_, stop - at_);
                at_ = stop + 1;
                return true;
            }
            if (done_) break;
            pending_.erase(0, at_);
            at_ = 0;
            searched = pending_.size();
            if (searched > longest_line) return plain_error(place() + "a line is longer than 16 MiB.");
            ARROW_ASSIGN_OR_RAISE(auto block, input_->Read(read_bytes));
            done_ = block->size() == 0;
            pending_.append(reinterpret_cast<const char *>(block->data()),
                            static_cast<size_t>(block->size()));
            if (total_ == 0 && at_ == 0 && pending_.starts_with("\xef\xbb\xbf")) at_ = searched = 3;
        }
        if (at_ == pending_.size()) return false;
        *line = std::string_view(pending_).substr(at_);
        at_ = pending_.size();
        return true;
    }

    std::string place() const { return "row " + std::to_string(total_ + 1); }

    arrow::Status take_line(std::string_view text)
    {
        Column *column = nullptr;
        for (auto &c : columns_) c.filled = false;
        try {
            Line line(text.data(), text.data() + text.size());
            if (!line.take('{'))
                throw Bad{"the line is no object. Each line holds one, like {\"name\": \"value\"}."};
            std::string name;
            if (!line.take('}')) {
                do {
                    column = nullptr;
                    line.string(&name);
                    line.expect(':', "behind a name");
                    column = find(name);
                    if (column)
                        ARROW_RETURN_NOT_OK(take_value(line, column));
                    else
                        line.skip(0);
                    column = nullptr;
                } while (line.take(','));
                line.expect('}', "at the end of the line");
            }
            if (!line.at_end()) throw Bad{"there is more than one object in the line."};
        } catch (const Bad &bad) {
            return plain_error(place() + (column ? ", column " + column->wanted.name : "") + ": " + bad.what);
        }
        for (auto &c : columns_)
            if (!c.filled) ARROW_RETURN_NOT_OK(c.lists ? c.lists->AppendNull() : c.texts->AppendNull());
        total_++;
        bytes_ += static_cast<int64_t>(text.size());
        return arrow::Status::OK();
    }

    Column *find(const std::string &name)
    {
        if (names_.size() < known_names && known_.insert(name).second) names_.push_back(name);
        for (auto &c : columns_)
            if (c.wanted.name == name) return &c;
        return nullptr;
    }

    arrow::Status take_value(Line &line, Column *c)
    {
        if (c->filled) throw Bad{"the name stands twice in the line."};
        c->seen = c->filled = true;
        std::string text;
        Value v = line.value(&text);
        if (!c->lists) return put(line, c->wanted, v, text, c->texts.get());
        if (v.kind == Value::Null) return c->lists->AppendNull();
        if (v.kind != Value::List)
            throw Bad{"the value is no list, but the column is declared " + c->wanted.declared + "."};
        ARROW_RETURN_NOT_OK(c->lists->Append());
        line.take('[');
        if (line.take(']')) return arrow::Status::OK();
        do {
            v = line.value(&text);
            ARROW_RETURN_NOT_OK(put(line, c->wanted, v, text, c->texts.get()));
        } while (line.take(','));
        line.expect(']', "at the end of a list");
        return arrow::Status::OK();
    }

    static arrow::Status put(Line &, const Wanted &w, const Value &v, const std::string &text,
                             arrow::StringBuilder *to)
    {
        bool truth = v.kind == Value::True || v.kind == Value::False;
        switch (v.kind) {
        case Value::Null: return to->AppendNull();
        case Value::Number:
            if (w.kind == Wanted::Number) return to->Append(v.raw);
            break;
        case Value::Text:
            if (w.kind == Wanted::Text || w.kind == Wanted::Time || w.decimal) return to->Append(text);
            break;
        default:
            if (w.kind == Wanted::Truth && truth) return to->Append(v.kind == Value::True ? "true" : "false");
        }
        std::string what = v.kind == Value::Number ? "the number " + std::string(v.raw.substr(0, 60))
                           : v.kind == Value::Text ? "the text \"" + text.substr(0, 60) + "\""
                           : truth                 ? std::string(v.kind == Value::True ? "true" : "false")
                           : v.kind == Value::List ? "a list"
                                                   : "an object";
        throw Bad{"the value is " + what + ", but the column is declared " + w.declared + "."};
    }

    arrow::Status check_seen()
    {
        for (const auto &c : columns_) {
            if (c.seen || c.wanted.spare) continue;
            std::string all;
            for (size_t i = 0; i < names_.size() && i < listed_names; i++) all += (i ? ", " : "") + names_[i];
            return plain_error("no line has the column " + c.wanted.name + ". The names are: " + all +
                               (names_.size() > listed_names ? " …" : "") +
                               ". Where it is missing everywhere, say so with null in one line.");
        }
        return arrow::Status::OK();
    }

    arrow::Result<std::shared_ptr<arrow::RecordBatch>> finish(int64_t rows)
    {
        arrow::ArrayVector arrays;
        for (auto &c : columns_) {
            std::shared_ptr<arrow::Array> array;
            ARROW_RETURN_NOT_OK(c.lists ? c.lists->Finish(&array) : c.texts->Finish(&array));
            arrays.push_back(array);
        }
        return arrow::RecordBatch::Make(schema_, rows, arrays);
    }
};

} // namespace

arrow::Result<std::unique_ptr<Rows>> open_jsonl(const std::string &path, const WantedColumns &wanted)
{
    auto rows = std::make_unique<JsonRows>();
    ARROW_RETURN_NOT_OK(rows->open(path, wanted));
    return rows;
}

} // namespace strata
