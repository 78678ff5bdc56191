import { describe, expect, it } from 'vitest'
import { HubBusy } from '../../kernel/errors.ts'
import { Slots } from './slots.ts'

const long = 60_000

describe('Slots', () => {
  it('lets so many in, and the others in the order in which they came', async () => {
    const slots = new Slots('work', 2, long)
    const leave = [await slots.take(), await slots.take()]
    const came: number[] = []
    const waiting = [1, 2, 3].map(async n => {
      const go = await slots.take()
      came.push(n)
      return go
    })
    await Promise.resolve()
    expect(came).toEqual([])
    leave[0]?.()
    const first = await waiting[0]
    expect(came).toEqual([1])
    leave[1]?.()
    first?.()
    for (const one of await Promise.all(waiting.slice(1))) one()
    expect(came).toEqual([1, 2, 3])
    // All are free again.
    await Promise.all([slots.take(), slots.take()])
  })

  it('says that it is busy after the wait, and keeps no place for who has left', async () => {
    const slots = new Slots('fetches', 1, 20)
    const leave = await slots.take()
    await expect(slots.take()).rejects.toThrow(HubBusy)
    await expect(slots.take()).rejects.toThrow(/busy with other fetches/)
    const gone = new AbortController()
    const aborted = slots.take(gone.signal)
    gone.abort(new Error('gone'))
    await expect(aborted).rejects.toThrow('gone')
    await expect(slots.take(gone.signal)).rejects.toThrow('gone')
    leave()
    ;(await slots.take())()
  })
})
