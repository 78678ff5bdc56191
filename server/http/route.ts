import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Actor } from '../kernel/actor.ts'
import type { Repository } from '../kernel/repository.ts'

/**
 * A route is data: where it stands, what it asks for before anything else happens (`grant`), how its input is read,
 * and one function. `http/app.ts` puts it on the wire; `banyan routes` prints it.
 *
 * `{api}` and `{web}` in `path` stand for a repository of each type: `/api/models/:namespace/:name` … and
 * `/:namespace/:name`, `/datasets/:namespace/:name`, `/spaces/:namespace/:name`. Such a route gets `repo`.
 * A trailing `/*` gives `tail`, the rest of the path *as the client encoded it*: `refs%2Fpr%2F1` is one segment.
 */
export interface Route<Query = unknown, Body = unknown> {
  readonly method: Method | readonly Method[]
  readonly path: string
  readonly grant: Grant
  readonly about: About
  /** Shape of the query; unknown keys are let through. */
  readonly query?: z.ZodType<Query>
  /** Shape of the JSON or form body. Without it the body is `stream`, untouched. */
  readonly body?: z.ZodType<Body>
  /** The most bytes that a parsed body may have; 1 MiB when absent. */
  readonly bodyLimit?: number
  /** Gives or takes a browser session: refused to pages of other sites, whoever asks. */
  readonly ownPagesOnly?: true
  /** Tells git and curl to ask for a password when the answer is 401. */
  readonly challenge?: 'Basic'
  /** What it returns is sent as JSON; `undefined` is 204; the reply itself when the handler has answered. */
  handle(call: Call<Query, Body>): Promise<unknown> | unknown
}

/** What the API document (`openapi.ts`) says of a route, beside what follows from its path, grant, query and body. */
interface About {
  /** One line. */
  readonly summary: string
  /** What success answers, by status. What is refused is the same for all: see `error-map.ts`. */
  readonly answers: Readonly<Record<number, Answer>>
  /** Names of the segments that the trailing `*` of the path stands for; one that ends in `?` may be absent. */
  readonly tail?: readonly string[]
  /** Media type of a body that is not parsed. */
  readonly takes?: string
}

/** Shape of a JSON body, perhaps by another name than application/json; or media types; or no body at all. */
export type Answer =
  | z.ZodType
  | { readonly type: string; readonly shape: z.ZodType }
  | string
  | readonly string[]
  | null

/** Bytes of any kind. */
export const octets = 'application/octet-stream'

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * What a caller must show. The function behind each name is in `http/doors.ts`. A route that gives the content of files
 * takes `repo:read`, which asks at the gate; `repo:view` is for what a gated repository tells everybody.
 */
export type Grant =
  | 'anyone'
  | 'signed-in'
  | 'own:read'
  | 'own:manage'
  | 'own:secure'
  | 'own:write'
  | 'repo:view'
  | 'repo:engage'
  | 'repo:read'
  | 'repo:discuss'
  | 'repo:contribute'
  | 'repo:write'
  | 'repo:settings'
  | 'cas:read'
  | 'cas:write'
  | 'signed-url'

export interface Call<Query = unknown, Body = unknown> {
  readonly actor: Actor
  /** Set when the path has `{api}` or `{web}`; use `repoOf(call)`. */
  readonly repo?: Repository
  readonly params: Readonly<Record<string, string>>
  readonly tail: string
  readonly query: Query
  readonly body: Body
  /** The raw body, gunzipped when the client says so, for routes without `body`. */
  readonly stream: AsyncIterable<Uint8Array>
  /** `https://hub.example`, what absolute URLs in answers begin with. */
  readonly origin: string
  /** Facts that a door has proven for the handler: the CAS token's claims. */
  readonly proven?: unknown
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Keeps the types of query and body together; a route list is `Route[]`. */
export function route<Query, Body>(definition: Route<Query, Body>): Route {
  return definition as unknown as Route
}

/** The repository of a `{api}` or `{web}` route. */
export function repoOf(call: Pick<Call, 'repo' | 'request'>): Repository {
  if (!call.repo) throw new Error(`route without a repository: ${call.request.url}`)
  return call.repo
}
