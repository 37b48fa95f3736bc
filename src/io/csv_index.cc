#include "io/csv_index.hh"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace strata
{
namespace
{

constexpr size_t step = 64;

// One bit a byte: where the bytes of a step are this or that.
struct Masks {
    uint64_t quotes, commas, line_ends, returns;
};

[[maybe_unused]] Masks plain_masks(const char *p)
{
    Masks m = {};
    for (size_t i = 0; i < step; i++) {
        m.quotes |= static_cast<uint64_t>(p[i] == '"') << i;
        m.commas |= static_cast<uint64_t>(p[i] == ',') << i;
        m.line_ends |= static_cast<uint64_t>(p[i] == '\n') << i;
        m.returns |= static_cast<uint64_t>(p[i] == '\r') << i;
    }
    return m;
}

// What the index keeps from one step to the next: each is the bit of the last byte, or all bits of it.
struct Walk {
    uint64_t quoted = 0;                    // all ones: within quotes
    uint64_t after_end = 1;                 // behind a comma or a line end
    uint64_t after_close = 0, after_cr = 0; // behind a quotation mark that closes, a carriage return
    uint64_t wrong = 0, doubled = 0;
    uint32_t line_ends = 0;
};

// From the quotation marks, a bit for every byte: within quotes, the opening mark too.
inline uint64_t spread(uint64_t quotes)
{
    for (int shift = 1; shift < 64; shift *= 2) quotes ^= quotes << shift;
    return quotes;
}

// The ends of values among a step's bytes.
__attribute__((always_inline)) inline uint64_t ends_in(const Masks &m, Walk *w)
{
    uint64_t inside = w->quoted;
    if (m.quotes) inside ^= spread(m.quotes);
    w->quoted = static_cast<uint64_t>(static_cast<int64_t>(inside) >> 63);
    uint64_t opens = m.quotes & inside, closes = m.quotes & ~inside;
    uint64_t line_ends = m.line_ends & ~inside, ends = (m.commas & ~inside) | line_ends;
    uint64_t returns = m.returns & ~inside;
    uint64_t after_end = ends << 1 | w->after_end, after_close = closes << 1 | w->after_close;
    uint64_t after_cr = returns << 1 | w->after_cr;
    // A mark opens at the start of a value, or directly behind one that closed: then the two are one mark of the text.
    w->wrong |= opens & ~(after_end | after_close);
    w->wrong |= after_close & ~(ends | returns | opens);
    w->wrong |= after_cr & ~line_ends;
    w->doubled |= opens & after_close;
    w->after_end = ends >> 63;
    w->after_close = closes >> 63;
    w->after_cr = returns >> 63;
    w->line_ends += static_cast<uint32_t>(std::popcount(line_ends));
    return ends;
}

// Four at a time, so that how many there are is guessed wrong seldom; there is room behind the last.
__attribute__((always_inline)) inline uint32_t *write_ends(uint32_t *out, uint64_t ends, uint32_t base)
{
    uint32_t *next = out + std::popcount(ends);
    for (; ends; out += 4)
        for (int i = 0; i < 4; i++) {
            out[i] = base + static_cast<uint32_t>(std::countr_zero(ends));
            ends &= ends - 1;
        }
    return next;
}

template <Masks (*masks_of)(const char *)>
__attribute__((always_inline)) inline uint32_t *walk(const char *p, size_t n, uint32_t *out, Walk *w)
{
    for (size_t at = 0; at < n; at += step) {
        Masks m = masks_of(p + at);
        if (n - at < step) {
            uint64_t there = (UINT64_C(1) << (n - at)) - 1;
            m = {m.quotes & there, m.commas & there, m.line_ends & there, m.returns & there};
        }
        out = write_ends(out, ends_in(m, w), static_cast<uint32_t>(at));
    }
    return out;
}

#if defined(__x86_64__)
__attribute__((always_inline)) inline uint64_t equal_16(const __m128i v[4], char c)
{
    __m128i same = _mm_set1_epi8(c);
    uint64_t bits = 0;
    for (int i = 0; i < 4; i++)
        bits |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], same))))
                << 16 * i;
    return bits;
}

__attribute__((always_inline)) inline Masks masks_by_16(const char *p)
{
    __m128i v[4];
    for (int i = 0; i < 4; i++) v[i] = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p + 16 * i));
    return {equal_16(v, '"'), equal_16(v, ','), equal_16(v, '\n'), equal_16(v, '\r')};
}

#define WIDE __attribute__((target("avx2,bmi,popcnt")))
WIDE inline uint64_t equal_32(__m256i low, __m256i high, char c)
{
    __m256i same = _mm256_set1_epi8(c);
    auto bits = [](int mask) { return static_cast<uint64_t>(static_cast<uint32_t>(mask)); };
    return bits(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, same))) |
           bits(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, same))) << 32;
}

WIDE inline Masks masks_by_32(const char *p)
{
    __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
    __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p + 32));
    return {equal_32(low, high, '"'), equal_32(low, high, ','), equal_32(low, high, '\n'),
            equal_32(low, high, '\r')};
}

WIDE uint32_t *walk_by_32(const char *p, size_t n, uint32_t *out, Walk *w)
{
    return walk<masks_by_32>(p, n, out, w);
}

uint32_t *walk_by_16(const char *p, size_t n, uint32_t *out, Walk *w)
{
    return walk<masks_by_16>(p, n, out, w);
}

uint32_t *walk_block(const char *p, size_t n, uint32_t *out, Walk *w)
{
    static const bool wide =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
    return (wide ? walk_by_32 : walk_by_16)(p, n, out, w);
}
#else
uint32_t *walk_block(const char *p, size_t n, uint32_t *out, Walk *w)
{
    return walk<plain_masks>(p, n, out, w);
}
#endif

// How often a byte stands in a block: counted in bytes, many at a time, which are added up before they can run over.
size_t count(const char *p, size_t n, char c)
{
    constexpr size_t lanes = 64;
    size_t total = 0, i = 0;
    while (n - i >= lanes) {
        uint8_t found[lanes] = {};
        for (int turn = 0; turn < 255 && n - i >= lanes; turn++, i += lanes)
            for (size_t k = 0; k < lanes; k++) found[k] = static_cast<uint8_t>(found[k] + (p[i + k] == c));
        for (uint8_t k : found) total += k;
    }
    for (; i < n; i++) total += p[i] == c;
    return total;
}

} // namespace

size_t csv_cut(const char *p, size_t n)
{
    bool quoted = count(p, n, '"') % 2 != 0;
    size_t at = n;
    for (; at > 0 && (quoted || p[at - 1] != '\n'); at--)
        if (p[at - 1] == '"') quoted = !quoted;
    return at;
}

bool CsvIndex::find(const char *p, size_t n, size_t columns)
{
    if (n + step > room_) {
        room_ = n + n / 4 + step; // blocks are not all of one size
        ends_.reset(new uint32_t[room_]);
    }
    Walk w;
    auto found = static_cast<size_t>(walk_block(p, n, ends_.get(), &w) - ends_.get());
    doubled_ = w.doubled != 0;
    rows_ = found / columns;
    if (w.wrong || w.quoted || rows_ * columns != found || w.line_ends != rows_) return false;
    for (size_t r = 0; r < rows_; r++)
        if (p[ends_[(r + 1) * columns - 1]] != '\n') return false;
    return true;
}

} // namespace strata
