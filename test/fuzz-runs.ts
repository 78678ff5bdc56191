/**
 * How many cases a property test tries. `make test` tries as many as are written beside the property, from a seed that
 * fast-check prints when it fails; `make fuzz` sets the two variables, to try so many times as many and to name the seed.
 * The only reader of both.
 */
const times = Number(process.env.BANYAN_FUZZ_TIMES ?? 1)
const seed = process.env.BANYAN_FUZZ_SEED

/** Parameters for `fc.assert`. */
export function runs(cases: number): { numRuns: number; seed?: number } {
  return { numRuns: cases * times, ...(seed !== undefined && { seed: Number(seed) }) }
}
