/** How many values one statement may name: well under the limit on parameters of both databases. */
export const statementBatch = 500

/** `items` in runs of at most `size`, so that an IN list or an INSERT never outgrows what a database takes. */
export function* inBatches<T>(items: Iterable<T>, size = statementBatch): Generator<T[]> {
  let batch: T[] = []
  for (const item of items) {
    batch.push(item)
    if (batch.length === size) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}
