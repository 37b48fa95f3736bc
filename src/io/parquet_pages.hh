// Parquet files of flat columns, written faster than by Arrow's own writer of tables, which takes yes and no one by one.
#ifndef STRATA_IO_PARQUET_PAGES_HH
#define STRATA_IO_PARQUET_PAGES_HH

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/properties.h>

#include <memory>

namespace strata
{

class ParquetPages
{
  public:
    virtual ~ParquetPages() = default;
    // The rows of a piece stand in one row group: group_rows is a multiple of their number, but for the last piece.
    virtual arrow::Status write(const arrow::RecordBatch &piece) = 0;
    virtual arrow::Status finish() = 0;
};

// Worth it for the schema: some columns are bool and never missing, none is nested.
bool parquet_pages_suit(const arrow::Schema &schema);

// Throws what Parquet throws.
arrow::Result<std::unique_ptr<ParquetPages>>
open_parquet_pages(std::shared_ptr<arrow::Schema> schema, std::shared_ptr<arrow::io::OutputStream> sink,
                   std::shared_ptr<parquet::WriterProperties> properties);

} // namespace strata

#endif
