import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

/** Rows `from` to `to` of what datasets_make.py writes, as datasets_load.py tells them. */
const rows = (from: number, to: number, text: (n: number) => string) => ({
  rows: to - from,
  first: { id: from, text: text(from), score: from / 4 },
  last: { id: to - 1, text: text(to - 1), score: (to - 1) / 4 },
  sum: ((to - from) * (from + to - 1)) / 2,
})
const quoted = (n: number) => `row ${n}, «quoted»`

describe('datasets', () => {
  let ada: Machine
  let made: string
  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    made = join(await temporaryFolder(), 'made')
    await ada.python('datasets_make', { folder: made })
  })

  it('loads CSV that was pushed as files', async () => {
    await ada.python('push', { repo: 'ada/rows-csv', type: 'dataset', folder: join(made, 'csv') })
    const anyone = await newMachine(hub().url)
    const told = await anyone.python('datasets_load', { repo: 'ada/rows-csv' })
    expect(told).toEqual({ train: rows(0, 200, quoted) })
  })

  it('loads Parquet of a private data set, whole and as a stream', async () => {
    await ada.python('push', {
      repo: 'acme/rows',
      type: 'dataset',
      folder: join(made, 'parquet'),
      private: true,
    })
    const wanted = { train: rows(0, 150, quoted), test: rows(150, 200, quoted) }
    expect(await ada.python('datasets_load', { repo: 'acme/rows' })).toEqual(wanted)
    expect(await ada.python('datasets_load', { repo: 'acme/rows', streaming: true })).toEqual(wanted)
    const stranger = await newMachine(hub().url, hub().stranger.token)
    await expect(stranger.python('datasets_load', { repo: 'acme/rows' })).rejects.toThrow(
      /DatasetNotFoundError/,
    )
  })

  it('pushes with push_to_hub and loads it back', async () => {
    await ada.python('datasets_push', { repo: 'ada/pushed-rows', private: true })
    const plain = (n: number) => `row ${n}`
    const told = await ada.python('datasets_load', { repo: 'ada/pushed-rows' })
    expect(told).toEqual({ train: rows(0, 150, plain), test: rows(150, 200, plain) })
  })
})
