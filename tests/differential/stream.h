/* A table of texts as an Arrow stream, the way that CSV files reach the binder. */
#ifndef STRATA_DIFFERENTIAL_STREAM_H
#define STRATA_DIFFERENTIAL_STREAM_H

#include "sample.h"

/* The table must outlive the stream. `batch`: rows at a time. */
void sample_stream(const sample_table *t, uint32_t batch, struct ArrowArrayStream *out);

#endif
