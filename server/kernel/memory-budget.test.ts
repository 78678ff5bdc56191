import { describe, expect, it } from 'vitest'
import { HubBusy } from './errors.ts'
import { MemoryBudget } from './memory-budget.ts'

const piece = new Uint8Array(10)

/** A request that reads `pieces` of ten bytes, and ends when it is told to. */
function request(budget: MemoryBudget, pieces: number) {
  const end = Promise.withResolvers<void>()
  const state = { read: 0, end: end.resolve, done: undefined as unknown as Promise<void> }
  async function* body() {
    for (let at = 0; at < pieces; at++) yield piece
  }
  state.done = budget.hold(body(), async metered => {
    for await (const bytes of metered) state.read += bytes.length
    await end.promise
  })
  return state
}

const settled = () => new Promise(resolve => setImmediate(resolve))

describe('MemoryBudget', () => {
  it('stops all but the oldest when it is used up, and goes on as others end', async () => {
    const budget = new MemoryBudget('commits', 100, 60_000)
    const oldest = request(budget, 6)
    await settled()
    const others = [request(budget, 6), request(budget, 6)]
    await settled()
    const held = () => oldest.read + others.reduce((sum, other) => sum + other.read, 0)
    expect(oldest.read).toBe(60)
    expect(held()).toBe(100)
    oldest.end()
    await oldest.done
    await settled()
    // The next one is the oldest now, and need not wait for room; the last one does.
    expect(others[0]?.read).toBe(60)
    expect(others[1]?.read).toBe(50)
    for (const other of others) other.end()
    await Promise.all(others.map(other => other.done))
    // Nothing is held any more.
    const next = [request(budget, 5), request(budget, 5)]
    await settled()
    expect(next.map(one => one.read)).toEqual([50, 50])
  })

  it('lets the oldest have more than there is, so that somebody always ends', async () => {
    const budget = new MemoryBudget('commits', 30, 60_000)
    const all = [request(budget, 9), request(budget, 9), request(budget, 9)]
    for (const one of all) one.end()
    await Promise.all(all.map(one => one.done))
    expect(all.map(one => one.read)).toEqual([90, 90, 90])
  })

  it('says that it is busy after the wait, and gives back what it held', async () => {
    const budget = new MemoryBudget('commits', 30, 20)
    const oldest = request(budget, 2)
    await settled()
    const late = request(budget, 3)
    await expect(late.done).rejects.toThrow(HubBusy)
    const fits = request(budget, 1)
    fits.end()
    await fits.done
    oldest.end()
    await oldest.done
  })
})
