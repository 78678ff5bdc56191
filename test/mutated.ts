import fc from 'fast-check'

/** Bytes as a broken line, a broken program or somebody with a plan would send them: valid ones with a few changes, or made up. */
export function mutated(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const place = fc.nat()
  const change = fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), place, bits: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant('cut' as const), place }),
    fc.record({ kind: fc.constant('remove' as const), place, length: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('repeat' as const), place, length: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ kind: fc.constant('insert' as const), place, bytes: fc.uint8Array({ maxLength: 20 }) }),
    fc.record({ kind: fc.constant('overwrite' as const), place, bytes: fc.constantFrom(...extremes) }),
  )
  type Change = typeof change extends fc.Arbitrary<infer C> ? C : never
  const apply = (bytes: Buffer, change: Change): Buffer => {
    const at = change.place % (bytes.length + 1)
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
    switch (change.kind) {
      case 'flip':
        return Buffer.concat([
          before,
          after.subarray(0, 1).map(byte => byte ^ change.bits),
          after.subarray(1),
        ])
      case 'cut':
        return before
      case 'remove':
        return Buffer.concat([before, after.subarray(change.length)])
      case 'repeat':
        return Buffer.concat([before, after.subarray(0, change.length), after])
      case 'insert':
        return Buffer.concat([before, change.bytes, after])
      case 'overwrite':
        return Buffer.concat([before, change.bytes, after.subarray(change.bytes.length)])
    }
  }
  const changed = fc
    .tuple(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([sample, changes]) => changes.reduce(apply, Buffer.from(sample)) as Uint8Array)
  return fc.oneof(
    { weight: 4, arbitrary: changed },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  )
}

/** What counts and lengths overflow by. */
const extremes = [
  '00000000',
  'ffffffff',
  '7fffffff',
  '80000000',
  '00000080',
  'ffffff7f',
  'ff',
  '0a',
  '00',
].map(hex => Buffer.from(hex, 'hex'))
