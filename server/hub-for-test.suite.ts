import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { startPostgres, type TestPostgres } from '../test/postgres.ts'
import { type Flags, readConfig } from './config.ts'
import { openPostgres } from './drivers/database-postgres.ts'
import { type OpenHub, openHub } from './open-hub.ts'
import { Worker } from './worker.ts'

/** A whole hub in this process, on a temporary folder, asked without a socket. */
export class TestHub {
  readonly hub: OpenHub
  readonly #app: FastifyInstance
  readonly #worker: Worker

  private constructor(hub: OpenHub) {
    this.hub = hub
    this.#app = hub.createApp()
    this.#worker = new Worker({ ...hub, handlers: hub.jobs })
    this.#worker.start(1)
  }

  /** By default on SQLite, or on what `BANYAN_TEST_DATABASE` says. */
  static async open(flags: Flags = {}, kind = process.env.BANYAN_TEST_DATABASE): Promise<TestHub> {
    const data = await mkdtemp(join(tmpdir(), 'banyan-hub-'))
    if (kind === 'postgres') postgresUrls.set(data, await newPostgresDatabase())
    return TestHub.on(data, flags)
  }

  /** One more on the folder of another, as a second process would be. Closed before the other. */
  static async on(data: string, flags: Flags = {}): Promise<TestHub> {
    const config = readConfig({ data, logLevel: 'silent', ...flags }, {})
    const url = postgresUrls.get(data)
    return new TestHub(
      await openHub(config, undefined, url === undefined ? undefined : () => openPostgres(url)),
    )
  }

  async close(): Promise<void> {
    await this.#app.close()
    await this.#worker.stop()
    await this.hub.close()
    await rm(this.hub.config.data, { recursive: true, force: true })
  }

  /** Its address, for what needs a socket. */
  listen(): Promise<string> {
    return this.#app.listen({ host: '127.0.0.1', port: 0 })
  }

  /** Asks as the holder of `token`, or as nobody. */
  as(token?: string) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const send = async (
      method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      url: string,
      payload?: unknown,
      headers: Record<string, string> = {},
    ) => {
      const isJson = typeof payload === 'object' && !(payload instanceof Uint8Array)
      const response = await this.#app.inject({
        method,
        url,
        headers: {
          host: 'hub.test',
          ...authorization,
          ...(isJson && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(payload !== undefined && { payload: isJson ? JSON.stringify(payload) : sent(payload) }),
      })
      return {
        status: response.statusCode,
        headers: response.headers as Record<string, string>,
        bytes: response.rawPayload,
        text: response.body,
        // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
        json: (): any => response.json(),
      }
    }
    return {
      send,
      get: (url: string, headers?: Record<string, string>) => send('GET', url, undefined, headers),
      head: (url: string, headers?: Record<string, string>) => send('HEAD', url, undefined, headers),
      post: (url: string, payload?: unknown, headers?: Record<string, string>) =>
        send('POST', url, payload, headers),
      put: (url: string, payload?: unknown) => send('PUT', url, payload),
      patch: (url: string, payload?: unknown) => send('PATCH', url, payload),
      delete: (url: string, payload?: unknown) => send('DELETE', url, payload),
      commit: (
        repo: string,
        lines: Record<string, unknown>,
        options: { parent?: string; branch?: string } = {},
      ) =>
        send(
          'POST',
          `/api/models/${repo}/commit/${encodeURIComponent(options.branch ?? 'main')}`,
          commitBody(lines, options.parent),
          { 'content-type': 'application/x-ndjson' },
        ),
    }
  }
}

/** Databases of the hubs on PostgreSQL, by data folder. */
const postgresUrls = new Map<string, string>()
let postgres: Promise<TestPostgres> | undefined

/** Of a server that ends with this process. */
async function newPostgresDatabase(): Promise<string> {
  postgres ??= startPostgres()
  return (await postgres).createDatabase()
}

/** As by a socket: the hub gets bytes of its own, which it may give back when it has read them. */
function sent(payload: unknown): string | Buffer {
  return payload instanceof Uint8Array ? Buffer.from(payload) : String(payload)
}

/** `{ 'a.txt': 'text', 'old.txt': null, 'w.bin': { sha256, size } }` as NDJSON. */
function commitBody(files: Record<string, unknown>, parentCommit?: string): string {
  const header = { key: 'header', value: { summary: 'Change', description: 'why\nso', parentCommit } }
  const lines = Object.entries(files).map(([path, content]) => {
    if (content === null && path.endsWith('/')) return { key: 'deletedFolder', value: { path } }
    if (content === null) return { key: 'deletedFile', value: { path } }
    if (typeof content === 'string') {
      return {
        key: 'file',
        value: { path, content: Buffer.from(content).toString('base64'), encoding: 'base64' },
      }
    }
    const { sha256, size } = content as { sha256: string; size: number }
    return { key: 'lfsFile', value: { path, algo: 'sha256', oid: sha256, size } }
  })
  return [header, ...lines].map(line => JSON.stringify(line)).join('\n')
}
