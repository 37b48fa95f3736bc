// Readers of one file each, behind a common face.
#ifndef STRATA_IO_ROWS_HH
#define STRATA_IO_ROWS_HH

#include "io/parts.h"

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/memory_pool.h>

#include <memory>
#include <string>
#include <vector>

namespace strata
{

// A column that the rules need, with what a reader must know of its declared type.
struct Wanted {
    std::string name;
    enum Kind { Truth, Number, Text, Time } kind;
    bool decimal; // a number that may also be written as text
    bool list;
    bool unique; // a key: no dictionary is worth it
    std::string declared;
    bool spare; // the file may do without it
};
using WantedColumns = std::vector<Wanted>;

class Rows
{
  public:
    virtual ~Rows() = default;
    virtual std::shared_ptr<arrow::Schema> schema() = 0;
    // nullptr: the end.
    virtual arrow::Result<std::shared_ptr<arrow::RecordBatch>> next() = 0;
    // It has threads of its own that make the next batches while one is used.
    virtual bool runs_ahead() const { return false; }
};

// A sentence of ours, to be shown as it is; other messages of Arrow's are explained first.
arrow::Status plain_error(std::string text);
bool is_plain_error(const arrow::Status &status);

// All reading takes its memory here. A damaged file may claim any size: more than the machine has is refused.
arrow::MemoryPool *memory();

arrow::Result<std::shared_ptr<arrow::io::InputStream>> open_bytes(const std::string &path);

arrow::Result<std::unique_ptr<Rows>> open_parquet(const std::string &path, const WantedColumns &wanted);
arrow::Result<std::unique_ptr<Rows>> open_arrow(const std::string &path, const WantedColumns &wanted);
arrow::Result<std::unique_ptr<Rows>> open_csv(const std::string &path, const WantedColumns &wanted);
// Refuses what is written in other ways than most files are, also in the middle of a file.
arrow::Result<std::unique_ptr<Rows>> open_csv_quick(const std::string &path, const WantedColumns &wanted);
arrow::Result<std::unique_ptr<Rows>> open_jsonl(const std::string &path, const WantedColumns &wanted);

// Metadata that table/bind.h reads: the names of all columns.
std::shared_ptr<arrow::KeyValueMetadata> describe(const std::vector<std::string> &names);

} // namespace strata

#endif
