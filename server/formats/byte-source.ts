/** Bytes that can be read by range, such as a stored file. read() gives exactly end - start bytes. */
export interface ByteSource {
  readonly size: number
  read(start: number, end: number): Promise<Uint8Array>
}

/** Bytes that are in memory already. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    async read(start, end) {
      if (start < 0 || start > end || end > bytes.length)
        throw new RangeError(`[${start}, ${end}) of ${bytes.length} bytes`)
      return bytes.subarray(start, end)
    },
  }
}
