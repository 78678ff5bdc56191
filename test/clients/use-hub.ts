import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { type Hub, startHub } from '../hub.ts'

const SHOWN_AT_MOST = 40_000

// Each test starts several real programs; a busy machine may take long over them.
vi.setConfig({ testTimeout: 120_000 })

/** One hub for the tests of this file. What it printed during a test is shown when that test fails. */
export function useHub(flags?: readonly string[]): () => Hub {
  let hub: Hub | undefined
  let mark = 0
  beforeAll(async () => {
    hub = await startHub(flags ? { flags } : {})
  })
  afterAll(async () => {
    await hub?.stop()
  })
  beforeEach(() => {
    mark = hub?.logs().length ?? 0
  })
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail' || !hub) return
    console.log(`The hub during «${task.name}»:\n${hub.logs().slice(mark).slice(-SHOWN_AT_MOST)}`)
  })
  return () => {
    if (!hub) throw new Error('the hub runs only inside tests')
    return hub
  }
}
