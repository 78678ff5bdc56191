import { faultSeed, Random } from './random.ts'

/** What a run of a fault test hangs on: BANYAN_FAULT_SEED repeats one. Printed, so that a failure can be repeated. */
export const seed = faultSeed
console.log(`faults: BANYAN_FAULT_SEED=${seed}`)

const numbers = new Random(seed)

/** The next of the run's random numbers, in [0, 1). */
export function random(): number {
  return numbers.next()
}

/** One of `items`. */
export function pick<T>(items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T
}

export function randomContent(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((random() * 4_294_967_296) >>> 0, at)
  return bytes
}
