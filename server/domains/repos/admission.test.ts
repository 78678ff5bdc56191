import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GitClient, newGitClient } from '../../../test/git-client.ts'
import { ada, type InProcessHub, startInProcessHub } from '../../../test/in-process-hub.ts'
import { HubBusy } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { createAdmission } from './admission.ts'
import { makeCommit } from './make-commit.ts'

/** What a client of a hub notices that does one thing at a time. */
describe('a busy hub', () => {
  let hub: InProcessHub
  let git: GitClient
  let repo: Repository
  beforeAll(async () => {
    hub = await startInProcessHub(createAdmission({ fetches: 1, pushes: 1, commitBytes: 1000, waitMs: 100 }))
    git = await newGitClient(hub)
    repo = await hub.createRepo('busy')
    await git.run('clone', '-q', hub.urlOf(repo), 'work')
  })
  afterAll(() => hub.close())

  it('answers a fetch with 503 and words when others take too long, and serves it later', async () => {
    const leave = await hub.parts.admission.fetches.take()
    const address = `${hub.urlOf(repo, 'nobody')}/info/refs?service=git-upload-pack`
    const answer = await fetch(address)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await answer.text()).toContain('busy with other fetches')
    leave()
    await git.run('-C', 'work', 'fetch', '-q')
    const all = Array.from({ length: 4 }, (_, n) => git.run('clone', '-q', hub.urlOf(repo), `clone-${n}`))
    // Each waits its turn, or is told; none hangs and none leaks a slot.
    await Promise.allSettled(all)
    await git.run('-C', 'work', 'fetch', '-q')
  })

  it('the same for a push', async () => {
    await git.commit('work', { 'a.txt': 'a' })
    const leave = await hub.parts.admission.pushes.take()
    const refused = await git.attempt('-C', 'work', 'push', 'origin', 'HEAD:one')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('503')
    leave()
    await git.run('-C', 'work', 'push', '-q', 'origin', 'HEAD:one')
    await git.run('-C', 'work', 'push', '-q', 'origin', 'HEAD:two')
  })

  it('makes commits wait for memory, and tells those that wait too long', async () => {
    const reached = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    async function* slow() {
      yield line('header', { summary: 'slow' })
      yield line('file', { path: 'slow', content: 'x'.repeat(2000), encoding: 'utf-8' })
      reached.resolve()
      await goOn.promise
    }
    async function* quick() {
      yield line('header', { summary: 'quick' })
      yield line('file', { path: 'quick', content: 'x', encoding: 'utf-8' })
    }
    const first = makeCommit(hub.parts, ada, repo, { revision: 'main' }, slow())
    await reached.promise
    await expect(makeCommit(hub.parts, ada, repo, { revision: 'main' }, quick())).rejects.toThrow(HubBusy)
    goOn.resolve()
    const second = await first.then(() => makeCommit(hub.parts, ada, repo, { revision: 'main' }, quick()))
    expect(second).not.toEqual(await first)
  })
})

const line = (key: string, value: unknown) => Buffer.from(`${JSON.stringify({ key, value })}\n`)
