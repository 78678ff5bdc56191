import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { type Actor, anonymous } from '../kernel/actor.ts'
import { MalformedInput, RepoNotFound } from '../kernel/errors.ts'
import { isNamed, type Repository, type RepoType, repoTypes } from '../kernel/repository.ts'
import { bodyStream, drainBody, type Pace, parseBody, readBody } from './body.ts'
import { answerBrokenMessage } from './broken-messages.ts'
import type { Doors } from './doors.ts'
import { answerTo, RouteNotFound } from './error-map.ts'
import type { Metrics } from './metrics.ts'
import { movedTarget, webPlace } from './moved-repo.ts'
import { refuseForeignPages } from './own-pages.ts'
import { type Bucket, bucketOf, isLoopback, networkOf, type RateLimits } from './rate-limits.ts'
import type { Call, Route } from './route.ts'

export interface AppParts {
  readonly routes: readonly Route[]
  readonly doors: Doors
  /** Who asks, from the headers Authorization and Cookie. */
  identify(authorization: string | undefined, cookies: string | undefined): Promise<Actor>
  /** The repository that has this name, or had it before it was moved; throws RepoNotFound. */
  findRepo(type: RepoType, namespace: string, name: string): Promise<Repository>
  /** What absolute URLs begin with; from the Host header when absent. */
  readonly publicUrl: string | undefined
  /** Addresses and networks of proxies: what these say in X-Forwarded-* about their clients is believed. */
  readonly trustedProxies?: readonly string[]
  /** Without them nothing is limited. */
  readonly rateLimits?: RateLimits | undefined
  readonly log: Logger
  readonly metrics: Metrics
  /** How slow a client may be; shorter in tests. */
  readonly patience?: Patience
}

interface Patience {
  /** Headers must be there within this time. */
  readonly headersMs: number
  /** A socket on which nothing moved for this long is closed, unless it waits for us; a slow but moving transfer is not. */
  readonly idleMs: number
  readonly slowestBody?: Pace
}

const patience: Patience = { headersMs: 60_000, idleMs: 120_000 }

/** Kept beside the request, for the answer when something is refused. */
const actors = new WeakMap<FastifyRequest, Actor>()

/** RFC 9110 8.3.1, loosely. */
const mediaType = /^[\w.!#$&^+-]+\/[\w.!#$&^+-]+\s*(?:;|$)/

const defaultBodyLimit = 1024 * 1024

/** Puts the routes on the wire: identity → grant → parse → call → present, in this order for every one of them. */
export function createApp(parts: AppParts): FastifyInstance {
  const { headersMs, idleMs } = parts.patience ?? patience
  const app = Fastify({
    loggerInstance: parts.log as FastifyBaseLogger,
    // A logger of its own for each request costs more than its one line: who logs names the request.
    childLoggerFactory: logger => logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    trustProxy: parts.trustedProxies?.length ? [...parts.trustedProxies] : false,
    connectionTimeout: idleMs,
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    // A request under way is let to its end when the hub stops.
    forceCloseConnections: 'idle',
    bodyLimit: Number.MAX_SAFE_INTEGER,
    // Without one, Node would refuse in no words; see `checkHost`.
    http: { requireHostHeader: false, connectionsCheckingInterval: Math.min(30_000, headersMs) },
    clientErrorHandler: answerBrokenMessage,
    routerOptions: { maxParamLength: 1024 },
    rewriteUrl: request => routablePath(request.url ?? '/'),
    // A path that no route is looked up for.
    frameworkErrors: (error, request, reply) => sendError(parts, error, request, reply),
  })
  // Bodies are read by the route that wants them, from the raw stream.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))

  app.server.headersTimeout = headersMs
  const underWay = new WeakMap<Socket, FastifyReply>()
  app.server.on('timeout', socket => {
    if (waitsForUs(underWay.get(socket))) socket.setTimeout(idleMs)
    else socket.destroy()
  })

  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    underWay.set(request.raw.socket, reply)
    checkHost(request.raw)
    // Fastify would refuse a body of no proper type; it is for the route to say what a body must be.
    const { headers } = request.raw
    const type = headers['content-type']
    if (type !== undefined && !mediaType.test(type)) headers['content-type'] = 'application/octet-stream'
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    drainBody(request.raw)
    // Kept alive, the connection would hold up the stop until it times out.
    if (isClosing) request.raw.socket.destroySoon()
    const path = request.raw.url?.split('?', 1)[0]
    parts.metrics.observe(
      request.method,
      request.routeOptions.url ?? 'unknown',
      reply.statusCode,
      reply.elapsedTime,
    )
    parts.log.info(
      {
        reqId: request.id,
        method: request.method,
        path,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    )
    done()
  })
  app.setErrorHandler((error, request, reply) => {
    sendError(parts, error, request, reply)
  })
  const subjects = subjectsOf(parts.routes)
  app.setNotFoundHandler(async (request, reply) => {
    const actor = await admit(parts, 'pages', request, reply)
    actors.set(request, actor)
    const moved = await movedPage(parts, actor, request)
    return moved
      ? redirect(parts, request, reply, moved.at, moved.repo)
      : Promise.reject(notFound(request, subjects))
  })
  for (const route of parts.routes) {
    const bucket = bucketOf(route)
    for (const { url, type } of expandPath(route.path)) {
      const method = typeof route.method === 'string' ? route.method : [...route.method]
      app.route({
        method,
        url,
        handler: (request, reply) => run(parts, { route, bucket, url, type }, request, reply),
      })
    }
  }
  return app
}

/** Where one route stands: it may stand once for each type of repository. */
interface Place {
  readonly route: Route
  readonly bucket: Bucket | undefined
  readonly url: string
  readonly type: RepoType | undefined
}

async function run(
  parts: AppParts,
  { route, bucket, url, type }: Place,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  if (route.challenge) reply.header('www-authenticate', `${route.challenge} realm="Banyan"`)
  const keyed = hasOwnKey(route)
  const actor = keyed ? anonymous : await admit(parts, bucket, request, reply)
  actors.set(request, actor)
  if (route.ownPagesOnly || (actor.kind === 'user' && isWrite(request) && !isBearer(request))) {
    const isBySession = actor.kind === 'user' && actor.credential.kind === 'session'
    refuseForeignPages(request, originOf(parts, request), isBySession)
  }
  const pass = (repo?: Repository) => parts.doors[route.grant]({ actor, repo, request })
  // A key is looked at before the repository: without a good one it is not told which there are.
  const provenByKey = keyed ? await pass() : undefined
  const params = request.params as Record<string, string>
  const { namespace = '', name = '' } = params
  const repo = type ? await parts.findRepo(type, namespace, gitless(name)) : undefined
  // A key is for a repository, whatever its name; an account is told the new one, if it may know the repository.
  if (repo && !keyed && !isNamed(repo, namespace, gitless(name))) {
    parts.doors['repo:view']({ actor, repo, request })
    return redirect(parts, request, reply, url.split('/').indexOf(':namespace'), repo)
  }
  const proven = keyed ? provenByKey : await pass(repo)
  const query = queryOf(route, request)
  const stream = bodyStream(request.raw, parts.patience?.slowestBody)
  const body = route.body
    ? parse(
        'request body',
        route.body,
        parseBody(
          request.headers['content-type'],
          await readBody(stream, route.bodyLimit ?? defaultBodyLimit),
        ),
      )
    : undefined
  const call: Call = {
    actor,
    ...(repo && { repo }),
    params,
    tail: url.endsWith('/*') ? rawTail(request, url) : '',
    query,
    body,
    stream,
    origin: originOf(parts, request),
    proven,
    request,
    reply,
  }
  const result = await route.handle(call)
  if (result === reply || reply.sent) return reply
  if (result === undefined) return reply.code(reply.statusCode === 200 ? 204 : reply.statusCode).send()
  return reply.send(result)
}

/** Who asks, unless they ask too often. Who shows bad credentials is counted by address, as nobody. */
async function admit(
  parts: AppParts,
  bucket: Bucket | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Actor> {
  const { authorization, cookie } = request.headers
  let actor: Actor = anonymous
  try {
    actor = await parts.identify(authorization, cookie)
    return actor
  } finally {
    if (bucket && parts.rateLimits) limit(parts.rateLimits, bucket, actor, request, reply)
  }
}

function limit(
  rateLimits: RateLimits,
  bucket: Bucket,
  actor: Actor,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (isLoopback(request.ip)) return
  const { headers, refusal } = rateLimits.count(
    bucket,
    actor.kind === 'user' ? actor.id : networkOf(request.ip),
  )
  reply.headers(headers)
  if (refusal) throw refusal
}

/** What no browser sends by itself, unlike cookies and the password that it was once asked for. */
function isBearer({ headers }: FastifyRequest): boolean {
  return /^bearer /i.test(headers.authorization ?? '')
}

function isWrite({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

/** A page of a repository under the name that it had, for those who may know it. */
async function movedPage(
  { findRepo, doors }: AppParts,
  actor: Actor,
  request: FastifyRequest,
): Promise<{ repo: Repository; at: number } | undefined> {
  const place = webPlace((request.raw.url ?? '').split('?', 1)[0] ?? '')
  if (!place || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined
  const { type, namespace, name, at } = place
  try {
    const repo = await findRepo(type, namespace, gitless(name))
    if (isNamed(repo, namespace, gitless(name))) return undefined
    doors['repo:view']({ actor, repo, request })
    return { repo, at }
  } catch (error) {
    if (error instanceof RepoNotFound) return undefined
    throw error
  }
}

/**
 * 307 keeps method and body. The location has no host, so that it is this one behind any proxy, and so that clients
 * which follow only what stays with the hub do (huggingface_hub 0.x `file_download.py:_request_wrapper`).
 */
function redirect(
  parts: AppParts,
  request: FastifyRequest,
  reply: FastifyReply,
  at: number,
  repo: Repository,
): FastifyReply {
  const folder = new URL(parts.publicUrl ?? 'http://host/').pathname.replace(/\/$/, '')
  return reply
    .code(307)
    .removeHeader('www-authenticate')
    .header('location', folder + movedTarget(request.raw.url ?? '/', at, repo))
    .send()
}

/** The client has sent what we have read, or all, and has nothing to read: that nothing moves is no fault of its own. */
function waitsForUs(reply: FastifyReply | undefined): boolean {
  if (!reply || reply.raw.writableEnded || reply.raw.writableLength > 0) return false
  const { raw } = reply.request
  return raw.complete || raw.readableLength > 0
}

/** RFC 9112 3.2: one host, or 400. Of two, a proxy before us may have believed the other. */
function checkHost({ rawHeaders, httpVersionMinor }: IncomingMessage): void {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1 || (hosts === 0 && httpVersionMinor > 0)) {
    throw new MalformedInput('Host header', `is there ${hosts} times, must be there once`)
  }
}

function originOf(parts: AppParts, request: FastifyRequest): string {
  return parts.publicUrl ?? `${request.protocol}://${request.host}`
}

/** Routes whose Authorization header, or URL, is not an account's. */
function hasOwnKey(route: Route): boolean {
  return route.grant === 'cas:read' || route.grant === 'cas:write' || route.grant === 'signed-url'
}

/** git asks for `ns/name.git`; no repository's name ends so. */
function gitless(name: string): string {
  return name.endsWith('.git') ? name.slice(0, -'.git'.length) : name
}

/** What a query without keys is parsed to, which most are. */
const emptyQueries = new WeakMap<Route, unknown>()

function queryOf(route: Route, request: FastifyRequest): unknown {
  if (!route.query) return {}
  if (request.raw.url?.includes('?')) return parse('query', route.query, plainKeys(request.query))
  const known = emptyQueries.get(route)
  if (known) return known
  const query = Object.freeze(parse('query', route.query, {}))
  emptyQueries.set(route, query)
  return query
}

function parse<T>(subject: string, shape: z.ZodType<T>, value: unknown): T {
  const result = shape.safeParse(value)
  if (result.success) return result.data
  const faults = result.error.issues
    .slice(0, 5)
    .map(issue => `${issue.path.join('.') || 'it'}: ${issue.message}`)
  throw new MalformedInput(subject, faults.join('; '))
}

/** `expand[]=likes` and `expand=likes` are the same key. */
function plainKeys(query: unknown): Record<string, unknown> {
  const plain: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(query as Record<string, unknown>)) {
    const name = key.endsWith('[]') ? key.slice(0, -2) : key
    plain[name] = name in plain ? [plain[name], value].flat() : value
  }
  return plain
}

/** The part of the request path that `*` stands for, not decoded. */
function rawTail(request: FastifyRequest, url: string): string {
  const path = (request.raw.url ?? '').split('?', 1)[0] ?? ''
  const fixedSegments = url.split('/').length - 1
  return path.split('/').slice(fixedSegments).join('/')
}

function expandPath(path: string): { url: string; type: RepoType | undefined }[] {
  const repo = '/:namespace/:name'
  if (path.startsWith('{api}')) {
    return repoTypes.map(type => ({ url: path.replace('{api}', `/api/${type}s${repo}`), type }))
  }
  if (path.startsWith('{web}')) {
    return repoTypes.map(type => ({
      url: path.replace('{web}', type === 'model' ? repo : `/${type}s${repo}`),
      type,
    }))
  }
  return [{ url: path, type: undefined }]
}

/** What routes give of a repository: `tree`, `resolve`, … */
function subjectsOf(routes: readonly Route[]): ReadonlySet<string> {
  return new Set(routes.flatMap(({ path }) => /^\{(?:api|web)\}\/([^/]+)/.exec(path)?.[1] ?? []))
}

/**
 * Old clients name repositories by one segment (`/api/models/gpt2/tree/main`). There are none here, and the answer
 * that they understand is that the repository does not exist.
 */
function notFound(request: FastifyRequest, subjects: ReadonlySet<string>): Error {
  const path = (request.raw.url ?? '').split('?', 1)[0] ?? ''
  const [, name, subject] =
    /^\/api\/(?:models|datasets|spaces|kernels)\/([^/]+)(?:\/([^/]+))?/.exec(path) ??
    /^\/([^/]+)\/(resolve|raw)\//.exec(path) ??
    []
  const namesRepo = name && (subject === undefined || subjects.has(subject))
  return namesRepo ? new RepoNotFound(name) : new RouteNotFound(request.method, path)
}

/**
 * A client that does not encode paths (@huggingface/hub `src/lib/file-download-info.ts`) sends a `%` that stands for
 * itself. RFC 9112 3.2.2: the target may be a whole URL.
 */
function routablePath(target: string): string {
  if (target.startsWith('/') && !target.includes('%')) return target
  const [path = '', ...query] = target.replace(/^https?:\/\/[^/?]*/i, '').split('?')
  const rooted = path.startsWith('/') ? path : `/${path}`
  return [rooted.replace(/%(?![0-9a-f]{2})/gi, '%25'), ...query].join('?')
}

function sendError(
  parts: AppParts,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const answer = answerTo(error, {
    actor: actors.get(request) ?? anonymous,
    origin: originOf(parts, request),
  })
  if (answer.status >= 500) parts.log.error({ reqId: request.id, err: error }, 'request failed')
  if (answer.status !== 401) reply.removeHeader('www-authenticate')
  reply
    .header('x-request-id', request.id)
    .removeHeader('content-length')
    .removeHeader('content-range')
    .removeHeader('etag')
    .removeHeader('content-disposition')
  reply.code(answer.status).headers(answer.headers)
  if (request.method === 'HEAD') return reply.send()
  // git shows its user plain text alone, git-lfs `message`, the Hugging Face clients `error`.
  if (request.headers['user-agent']?.startsWith('git/')) {
    return reply.type('text/plain; charset=utf-8').send(`${answer.body.error}\n`)
  }
  const isLfs = request.raw.url?.includes('/info/lfs/')
  return reply
    .type('application/json; charset=utf-8')
    .send(isLfs ? { ...answer.body, message: answer.body.error } : answer.body)
}
