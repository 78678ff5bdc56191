import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import type { Blobs } from '../server/domains/blobs/index.ts'
import { policy } from '../server/domains/policy/index.ts'
import { createAdmission } from '../server/domains/repos/admission.ts'
import { createRepo } from '../server/domains/repos/create-repo.ts'
import { RevisionNotFound } from '../server/domains/repos/errors.ts'
import { findRepo } from '../server/domains/repos/find-repo.ts'
import { GitMirror } from '../server/domains/repos/git-mirror.ts'
import { GitObjects } from '../server/domains/repos/git-objects.ts'
import { createLookups } from '../server/domains/repos/lookups.ts'
import { repoMigrations } from '../server/domains/repos/migrations/index.ts'
import type { RepoParts } from '../server/domains/repos/parts.ts'
import { gitRoutes } from '../server/domains/repos/routes-git.ts'
import { Turns } from '../server/domains/repos/turns.ts'
import { openSqlite } from '../server/drivers/database-sqlite.ts'
import { openFilesystemObjects } from '../server/drivers/objects-filesystem.ts'
import { createApp } from '../server/http/app.ts'
import { createDoors } from '../server/http/doors.ts'
import { type Actor, anonymous, type User } from '../server/kernel/actor.ts'
import type { EventName } from '../server/kernel/events.ts'
import type { Repository, RepoType } from '../server/kernel/repository.ts'
import { Signer } from '../server/kernel/signer.ts'

/** The git routes in one process, on real drivers, with accounts and LFS objects made up. */
export interface InProcessHub {
  readonly url: string
  readonly parts: RepoParts
  readonly events: { name: EventName; facts: unknown }[]
  /** sha256 → size of what every repository holds. */
  readonly held: Map<string, number>
  /** Makes every question about LFS objects take so many milliseconds. */
  slowDown(milliseconds: number): void
  /** What was held by a push. */
  readonly committed: string[]
  readonly folder: string
  createRepo(name: string, options?: { isPrivate?: boolean; type?: RepoType }): Promise<Repository>
  /** With the owner's password in it. */
  urlOf(repo: Repository, who?: 'ada' | 'bob' | 'nobody'): string
  close(): Promise<void>
}

export const ada: User = {
  kind: 'user',
  id: 'ada-id',
  name: 'ada',
  isAdmin: false,
  memberships: new Map(),
  credential: { kind: 'password' },
}
const bob: User = { ...ada, id: 'bob-id', name: 'bob' }

export async function startInProcessHub(admission = createAdmission()): Promise<InProcessHub> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-git-'))
  const database = await openSqlite(join(folder, 'hub.sqlite'))
  await database.migrate(repoMigrations)
  const objects = await openFilesystemObjects(join(folder, 'objects'))
  const events: InProcessHub['events'] = []
  const held = new Map<string, number>()
  const committed: string[] = []
  let delay = 0
  const blobs = {
    describe: async (_holder: string, sha256s: Iterable<string>) => {
      if (delay > 0) await sleep(delay)
      return new Map(
        [...sha256s].flatMap(sha256 =>
          held.has(sha256) ? [[sha256, { size: held.get(sha256) }] as const] : [],
        ),
      )
    },
    hold: async (_tx: unknown, _holder: string, sha256s: readonly string[]) => {
      committed.push(...sha256s)
    },
  } as unknown as Blobs
  const parts: RepoParts = {
    database,
    objects,
    clock: Date.now,
    signer: new Signer(new Uint8Array(32)),
    emit: async (_tx, name, facts) => {
      events.push({ name, facts })
    },
    accounts: {
      findAccount: async () => ({ id: ada.id, name: ada.name, privateByDefault: false }),
    } as unknown as RepoParts['accounts'],
    policy,
    blobs,
    lookups: createLookups(database),
    git: new GitObjects({ database, objects }),
    mirror: new GitMirror({ database, objects, folder: join(folder, 'cache') }),
    admission,
    commitTurns: new Turns(),
    // There are none.
    pullRequests: {
      admit: async (_actor: unknown, _repo: unknown, number: unknown) => {
        throw new RevisionNotFound(`refs/pr/${number}`)
      },
    } as unknown as RepoParts['pullRequests'],
    configureDiscussions: async () => {},
  }
  const app = createApp({
    routes: gitRoutes(parts),
    doors: createDoors({
      ...parts,
      admitCas: () => undefined,
      stillHolds: async () => true,
      admissionOf: () => 'none',
    }),
    identify: async authorization => actorOf(authorization),
    findRepo: (type, namespace, name) => findRepo(parts, type, namespace, name),
    publicUrl: undefined,
    log: pino({ level: 'silent' }),
    metrics: { observe: () => {}, text: async () => '', contentType: 'text/plain' },
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    parts,
    events,
    held,
    slowDown: milliseconds => {
      delay = milliseconds
    },
    committed,
    folder,
    createRepo: (name, options) =>
      createRepo(parts, ada, { type: 'model', namespace: 'ada', name, ...options }),
    urlOf: (repo, who = 'ada') =>
      `http://${who === 'nobody' ? '' : `${who}:secret@`}127.0.0.1:${port}/${repo.type === 'model' ? '' : `${repo.type}s/`}${repo.namespace}/${repo.name}`,
    close: async () => {
      await app.close()
      await objects.close()
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function actorOf(authorization: string | undefined): Actor {
  if (authorization === undefined) return anonymous
  const [name] = Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')
  return name === 'bob' ? bob : ada
}
