/** Bounds of the data plane. Every one is checked where the data comes in. */

/** Most rows of a chunk: small enough to stay in the processor's cache between two operators. */
export const CHUNK_ROWS_MAX = 4096

/** Text is decoded in slices of about this many bytes (more only for a single longer line). */
export const TEXT_SLICE_BYTES = 65_536

/** Most partitions of a dataset or of a state. */
export const PARTITIONS_MAX = 4096

/** Default partitions of shuffles and states. Never derived from the number of processes. */
export const PARTITIONS_DEFAULT = 16

/** Default bound of what one action may bring to one process. */
export const COLLECT_BYTES_MAX = 64 * 1024 * 1024

/** Keys sampled from each partition to find the borders of a sort. */
export const SORT_SAMPLE_KEYS = 256
