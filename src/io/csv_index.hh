// Where the values of a block of CSV end, found 64 bytes at a time.
#ifndef STRATA_IO_CSV_INDEX_HH
#define STRATA_IO_CSV_INDEX_HH

#include <cstddef>
#include <cstdint>
#include <memory>

namespace strata
{

// So many bytes in front of a block and behind it can be read, whatever stands there.
constexpr size_t csv_margin = 64;

// How many bytes the whole rows have that a block begins with.
size_t csv_cut(const char *p, size_t n);

class CsvIndex
{
  public:
    // Of a block of whole rows with so many columns each. False: it is laid out in another way than most are, or wrongly; that
    // is, a quotation mark within a value or behind one, a carriage return alone, an empty line, another number of values.
    bool find(const char *p, size_t n, size_t columns);
    size_t rows() const { return rows_; }
    // By row and column: the place of the comma or line end behind the value, which begins behind the one in front.
    const uint32_t *ends() const { return ends_.get(); }
    // Quotation marks stand within some quoted value, each written as two.
    bool doubled() const { return doubled_; }

  private:
    std::unique_ptr<uint32_t[]> ends_;
    size_t room_ = 0, rows_ = 0;
    bool doubled_ = false;
};

} // namespace strata

#endif
