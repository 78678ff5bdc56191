import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import { openSqlite } from '../../drivers/database-sqlite.ts'
import { openFilesystemObjects } from '../../drivers/objects-filesystem.ts'
import { bodyStream, parseBody, readBody } from '../../http/body.ts'
import type { Call } from '../../http/route.ts'
import { checkSignedPath } from '../../http/signed-url.ts'
import { HubError, LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { Signer } from '../../kernel/signer.ts'
import type { Database } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import type { CheckFinding, CollectReport } from './index.ts'
import * as blobErrors from './index.ts'
import { type Blobs, blobMigrations, createBlobs } from './index.ts'
import type { BlobTables } from './tables.ts'

export const gracePeriod = 7 * 24 * 3600 * 1000

/**
 * Blobs on a database and a store of their own, with the CAS routes on a server without a port, and a clock that stands
 * still until it is moved. `readers` says who may see which holder.
 */
export async function openBlobsForTest(open?: (folder: string) => Promise<Database>) {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-blobs-'))
  const driver = await (open ?? (path => openSqlite(join(path, 'banyan.sqlite'))))(folder)
  await driver.migrate(blobMigrations)
  const interposed: { beforeTransaction?: () => Promise<void> } = {}
  const database: Database = {
    kind: driver.kind,
    sql: driver.sql,
    async transaction(work) {
      await interposed.beforeTransaction?.()
      return await driver.transaction(work)
    },
    remember: memo => driver.remember(memo),
    afterCommit: listener => driver.afterCommit(listener),
    isDuplicate: error => driver.isDuplicate(error),
    migrate: migrations => driver.migrate(migrations),
    check: () => driver.check(),
    ping: () => driver.ping(),
    close: () => driver.close(),
  }
  const store = await openFilesystemObjects(join(folder, 'objects'))
  // Tests put themselves between a use case and the store.
  const objects: ObjectStore = {
    put: (key, bytes) => store.put(key, bytes),
    stage: () => store.stage(),
    stream: (key, range) => store.stream(key, range),
    read: (key, start, end, into) => store.read(key, start, end, into),
    size: key => store.size(key),
    delete: key => store.delete(key),
    list: prefix => store.list(prefix),
    copy: (from, to) => store.copy(from, to),
    materialise: (key, path) => store.materialise(key, path),
    ping: () => store.ping(),
    close: () => store.close(),
  }
  const time = { now: Date.now() }
  const readers = new Map<string, Set<string>>()
  const claimed: string[] = []
  const signer = new Signer(randomBytes(32))
  const clock = () => time.now
  const blobs = createBlobs({
    database,
    objects,
    signer,
    clock,
    emit: async (_tx, _name, facts) => {
      claimed.push((facts as { fileHash: string }).fileHash)
    },
    // Whether a key still holds is shown where there are accounts and repositories: `server/keys.test.ts`.
    stillHolds: async () => true,
    reachable: async (subject, holders) =>
      new Set(holders.filter(holder => readers.get(holder)?.has(subject ?? 'nobody'))),
  })
  const app = serveCas(blobs, signer, clock)
  return {
    blobs,
    database,
    interposed,
    objects,
    /** The driver itself. */
    store,
    folder,
    time,
    readers,
    app,
    tables: database.sql.withTables<BlobTables>(),
    /** Runs the job for every claim so far. */
    async proveClaims(): Promise<void> {
      for (const fileHash of claimed.splice(0)) await blobs.jobs[0]!.run({ fileHash })
    },
    async collect(
      options: { dryRun?: boolean; graceMs?: number; live?: readonly string[] } = {},
    ): Promise<CollectReport> {
      return await blobs.collect({
        dryRun: options.dryRun ?? false,
        graceMs: options.graceMs ?? gracePeriod,
        liveHolders: async holders => new Set(options.live ?? holders),
        progress() {},
      })
    },
    async check(deep: boolean): Promise<CheckFinding[]> {
      const findings: CheckFinding[] = []
      await blobs.check({ deep }, { finding: finding => findings.push(finding), progress() {} })
      return findings
    },
    /** Bytes of all xorb objects. */
    async storedBytes(): Promise<number> {
      let sum = 0
      for await (const { size } of store.list('xorbs/')) sum += size
      return sum
    },
    async commit(holder: string, ...sha256s: string[]): Promise<void> {
      await database.transaction(tx => blobs.hold(tx, holder, sha256s))
    },
    async close(): Promise<void> {
      await app.close()
      await blobs.close()
      await database.close()
      await rm(folder, { recursive: true })
    },
  }
}

export type BlobsForTest = Awaited<ReturnType<typeof openBlobsForTest>>

const statuses = new Map<unknown, number>([
  [MalformedInput, 400],
  [LimitExceeded, 413],
  [blobErrors.ShardRefused, 400],
  [blobErrors.CasTokenRefused, 401],
  [blobErrors.CasScopeMissing, 403],
  [blobErrors.RangeNotGranted, 403],
  [blobErrors.FileNotKnown, 404],
  [blobErrors.ChunkNotKnown, 404],
  [blobErrors.XorbNotKnown, 404],
  [blobErrors.RangeBeyondEnd, 416],
  [blobErrors.FileRefuted, 422],
  [blobErrors.XorbBeingCollected, 503],
])

/** The routes as the hub's own server mounts them, without the rest of it. */
function serveCas(blobs: Blobs, signer: Signer, clock: () => number): FastifyInstance {
  const app = Fastify({ bodyLimit: Number.MAX_SAFE_INTEGER, exposeHeadRoutes: false })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof HubError ? (statuses.get(error.constructor) ?? 500) : 500
    reply.code(status).send({ error: (error as Error).message })
  })
  for (const route of blobs.routes) {
    app.route({
      method: route.method as 'GET',
      url: route.path,
      async handler(request, reply) {
        let proven: unknown
        if (route.grant === 'signed-url') {
          const given = checkSignedPath(signer, request.method, request.raw.url ?? '', clock())
          if (typeof given === 'string') return reply.code(403).send({ error: given })
        } else {
          proven = await blobs.admitCas(
            route.grant === 'cas:write' ? 'write' : 'read',
            request.headers.authorization,
          )
        }
        const stream = bodyStream(request.raw)
        const parsed =
          route.body && parseBody(request.headers['content-type'], await readBody(stream, 1 << 20))
        const call = {
          params: request.params,
          query: route.query ? route.query.parse(request.query) : {},
          body: route.body?.parse(parsed),
          origin: `http://${request.host}`,
          stream,
          proven,
          request,
          reply,
        }
        const result = await route.handle(call as unknown as Call)
        return result === undefined ? reply.code(204).send() : result
      },
    })
  }
  return app
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** `bytes` in pieces, as a network gives them. */
export async function* inPieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  // A piece is good until the next one is asked for.
  for await (const piece of source) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

export async function isHeld(blobs: Blobs, holder: string, sha256: string): Promise<boolean> {
  return (await blobs.describe(holder, [sha256])).has(sha256)
}
