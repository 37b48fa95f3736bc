// Columns of a batch of CSV, made of values of the types that they are declared to have.
#ifndef STRATA_IO_CSV_COLUMNS_HH
#define STRATA_IO_CSV_COLUMNS_HH

#include "io/rows.hh"

namespace strata
{

// Some rows of a block, and where the values of one column stand in them.
struct CsvCells {
    const char *block;
    const uint32_t *ends; // of the block, as CsvIndex has them
    size_t columns, column;
    size_t from, to; // rows of the block; `from` is a multiple of 64
    bool doubled;    // quotation marks may stand within quoted values
};

class CsvColumn
{
  public:
    virtual ~CsvColumn() = default;
    virtual std::shared_ptr<arrow::DataType> type() const = 0;
    // A new batch of so many rows.
    virtual arrow::Status begin(size_t rows) = 0;
    // False: one of the values is not of the type.
    virtual arrow::Result<bool> take(const CsvCells &cells) = 0;
    virtual arrow::Result<std::shared_ptr<arrow::ArrayData>> finish() = 0;
};

// How the instants of a column are written: it is not known from the declaration.
enum class CsvTimes { Local, Zoned, Unclear };
CsvTimes csv_times(const CsvCells &cells);

// `times` is asked of timestamps only; where they are unclear the column is text.
std::unique_ptr<CsvColumn> csv_column(const Wanted &wanted, CsvTimes times);

} // namespace strata

#endif
