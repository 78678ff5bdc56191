/**
 * `target.set(source, at)`, as fast for shared memory as for any: `set` moves it byte by byte where the two are not
 * aligned alike, at a fifth of the speed.
 */
export function copyBytes(source: Uint8Array, target: Uint8Array, at = 0): void {
  Buffer.from(source.buffer, source.byteOffset, source.byteLength).copy(target, at)
}
