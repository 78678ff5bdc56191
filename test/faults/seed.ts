import { randomBytes } from 'node:crypto'

/** What a run of a fault test hangs on: BANYAN_FAULT_SEED repeats one. Printed, so that a failure can be repeated. */
export const seed = Number(process.env.BANYAN_FAULT_SEED ?? randomBytes(4).readUInt32BE())
console.log(`faults: BANYAN_FAULT_SEED=${seed}`)

let state = seed

/** The next of the run's random numbers, in [0, 1): mulberry32. */
export function random(): number {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
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
