import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'
import type { User } from '../../kernel/actor.ts'
import type { HubEvents } from '../../kernel/events.ts'
import { policy } from '../policy/index.ts'
import { changeStatus } from './change-status.ts'
import { changeTitle } from './change-title.ts'
import { addComment, editComment, hideComment } from './comment.ts'
import { mergePullRequest } from './merge-pull-request.ts'
import { openByHub, openDiscussion } from './open-discussion.ts'
import type { DiscussionParts } from './parts.ts'
import { pullRequestsFor } from './pull-requests.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await TestHub.open()
})
afterAll(() => hub.close())

it('each change is told of once, in its transaction, and none that was refused', async () => {
  const { accounts, repos, database, objects } = hub.hub
  await accounts.addUser({ name: 'alice', token: { value: 'hf_alice', name: 'test', role: 'write' } })
  await hub.as('hf_alice').post('/api/repos/create', { name: 'm' })
  const repo = await repos.find('model', 'alice', 'm')
  const alice = (await accounts.actorOf((await accounts.findAccount('alice'))!.id)) as User
  const told: HubEvents['discussion-changed'][] = []
  const parts: DiscussionParts = {
    ...{ accounts, repos, database, objects, policy },
    clock: Date.now,
    emit: async (tx, name, facts) => {
      // In the transaction of its cause, not beside it.
      expect(tx).not.toBe(database.sql)
      if (name === 'discussion-changed') told.push(facts as HubEvents['discussion-changed'])
    },
    mayReadFiles: async () => true,
  }
  const opened = { title: 'A title', description: 'words', isPullRequest: true }
  const number = await openDiscussion(parts, alice, repo, opened)
  const place = { repo, number }
  const { id } = await addComment(parts, alice, place, 'said')
  await editComment(parts, alice, place, id, 'said better')
  await hideComment(parts, alice, place, id)
  await expect(editComment(parts, alice, place, id, 'again')).rejects.toThrow('hidden')
  await changeTitle(parts, alice, place, 'Another title')
  const commits = [{ oid: 'a'.repeat(40), subject: 's' }]
  await database.transaction(tx =>
    pullRequestsFor(parts).committed(tx, alice, repo, number, { commits, bytes: 1 }),
  )
  await changeStatus(parts, alice, place, 'open', 'ready')
  await expect(changeStatus(parts, alice, place, 'open', 'ready')).rejects.toThrow('is open')
  await mergePullRequest(parts, alice, place, undefined)
  await openByHub(parts, repo, { subject: 's', title: 'By the hub', description: 'words' })

  const byAlice = (change: string) => ({ repoId: repo.id, number, change, byUserId: alice.id })
  expect(told).toEqual([
    ...['opened', 'commented', 'edited', 'hidden', 'retitled', 'committed'].map(byAlice),
    ...['commented', 'status', 'merged'].map(byAlice),
    { repoId: repo.id, number: number + 1, change: 'opened' },
  ])
})
