// What both readers of CSV share: the header.
#ifndef STRATA_IO_CSV_HH
#define STRATA_IO_CSV_HH

#include "io/rows.hh"

namespace strata
{

struct CsvHeader {
    std::vector<std::string> names;
    int64_t bytes = 0;  // before the first row
    bool alone = false; // not even a line end behind it, which Arrow does not take for a header
};

constexpr int32_t csv_block_bytes = 4 << 20; // also the longest row

// Read, and in order.
arrow::Result<CsvHeader> csv_header(const std::string &path, const WantedColumns &wanted);

} // namespace strata

#endif
