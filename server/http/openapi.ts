import { z } from 'zod'
import { refusal } from '../../contract/parts.ts'
import { repoTypes } from '../kernel/repository.ts'
import type { Answer, Grant, Route } from './route.ts'

/** OpenAPI 3.1 (spec.openapis.org/oas/v3.1.1), as far as this hub says it. */
export interface OpenApi {
  readonly openapi: '3.1.1'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: object
    readonly securitySchemes: object
    readonly responses: object
  }
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly parameters: readonly Parameter[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
  readonly security: readonly object[]
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly description?: string
  readonly schema: object
}

type Schema = Record<string, unknown>

/** The document of all routes. Every route is in it, once for each path that it stands on. */
export function describeApi(routes: readonly Route[], version: string): OpenApi {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const route of routes) {
    for (const path of documentedPaths(route)) {
      for (const method of [route.method].flat()) {
        paths[path] ??= {}
        paths[path][method.toLowerCase()] = operation(route, method, path)
      }
    }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Banyan',
      version,
      description:
        'An open-model hub: the protocol of the Hugging Face clients, git, LFS and Xet. ' +
        'A revision in a path is one segment, percent-encoded: `refs%2Fpr%2F1`. ' +
        'Lists are bare arrays; the next page is named by `Link: <url>; rel="next"`.',
    },
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: { Refusal: schemaOf(refusal, 'answer') },
      responses: {
        Refused: {
          description: 'Refused; `error` says why, `X-Error-Code` says it to programs.',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } },
        },
      },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'An access token, `hf_…`.' },
        password: { type: 'http', scheme: 'basic', description: 'What git sends; a token as password.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'banyan_session',
          description: 'What `POST /api/login` sets, for pages of this hub.',
        },
        cas: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of `xet-read-token` or `xet-write-token`.',
        },
      },
    },
  }
}

function operation(route: Route, method: string, path: string): Operation {
  const { summary, answers } = route.about
  return {
    operationId: `${method.toLowerCase()} ${path}`,
    summary,
    tags: [tagOf(route.path)],
    parameters: [...pathParameters(path), ...queryParameters(route)],
    ...bodyOf(route),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, response(answer, method)]),
      ),
      ...(isNameLed(route) && { '307': { description: 'The repository has another name now.' } }),
      '4XX': method === 'HEAD' ? { description: 'Refused.' } : { $ref: '#/components/responses/Refused' },
      // Too much at once, a full disk: come again.
      '503': { $ref: '#/components/responses/Refused' },
      '507': { $ref: '#/components/responses/Refused' },
    },
    security: securityOf[route.grant],
  }
}

/** A signed URL goes on to work under the old name of its repository. */
function isNameLed({ path, grant }: Route): boolean {
  return path.startsWith('{') && grant !== 'signed-url'
}

const securityOf: Readonly<Record<Grant, readonly object[]>> = {
  anyone: [{}, { token: [] }],
  'signed-in': [{ token: [] }, { password: [] }],
  'own:read': [{ token: [] }, { password: [] }],
  'own:write': [{ token: [] }, { password: [] }],
  'repo:view': [{}, { token: [] }, { password: [] }],
  'repo:engage': [{ token: [] }, { password: [] }],
  'repo:discuss': [{ token: [] }, { password: [] }],
  'repo:contribute': [{ token: [] }, { password: [] }],
  'own:manage': [{ token: [] }, { password: [] }, { session: [] }],
  'own:secure': [{ password: [] }, { session: [] }],
  'repo:read': [{}, { token: [] }, { password: [] }],
  'repo:write': [{ token: [] }, { password: [] }],
  'repo:settings': [{ token: [] }, { password: [] }],
  'cas:read': [{ cas: [] }],
  'cas:write': [{ cas: [] }],
  'signed-url': [],
}

/** `{api}/tree/*` → `/api/models/{namespace}/{name}/tree/{revision}` and the same with `/{path}`, for each type. */
function documentedPaths(route: Route): string[] {
  const tails = tailForms(route.about.tail ?? [])
  const repo = '/{namespace}/{name}'
  const typed = /^\{(api|web)\}/.exec(route.path)?.[1]
  const starts = typed
    ? repoTypes.map(type =>
        typed === 'api' ? `/api/${type}s${repo}` : `${type === 'model' ? '' : `/${type}s`}${repo}`,
      )
    : ['']
  const rest = (typed ? route.path.slice('{api}'.length) : route.path)
    .replace(/\/\*$/, '')
    .replace(/:(\w+)/g, '{$1}')
  return starts.flatMap(start => tails.map(tail => start + rest + tail))
}

function tailForms(names: readonly string[]): string[] {
  const forms = ['']
  for (const name of names) {
    const whole = `${forms.at(-1)}/{${name.replace('?', '')}}`
    if (name.endsWith('?')) forms.push(whole)
    else forms[forms.length - 1] = whole
  }
  return forms
}

function tagOf(path: string): string {
  if (path.startsWith('{api}') || path.startsWith('/api/repos')) return 'repositories'
  if (path.startsWith('{web}')) return 'files and git'
  if (path.startsWith('/cas') || path.startsWith('/v1')) return 'CAS'
  return path.startsWith('/api') ? 'hub' : 'system'
}

const pathWords: Readonly<Record<string, string>> = {
  namespace: 'User or organisation that owns the repository.',
  name: 'Name of the repository.',
  revision: 'Branch, tag, commit or ref, percent-encoded.',
  path: 'Path in the repository.',
}

function pathParameters(path: string): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...(pathWords[name] && { description: pathWords[name] }),
    schema: { type: 'string', minLength: 1 },
  }))
}

function queryParameters({ query }: Route): Parameter[] {
  if (!query) return []
  const { properties = {}, required = [] } = schemaOf(query, 'question') as {
    properties?: Record<string, object>
    required?: string[]
  }
  const shape = (query as z.ZodObject).shape
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name) && !(shape[name] as z.ZodType).safeParse(undefined).success,
    schema,
  }))
}

function bodyOf({ body, about }: Route): { requestBody?: object } {
  if (body) {
    const schema = schemaOf(body, 'question')
    const required = !body.safeParse(undefined).success
    const content = { 'application/json': { schema }, 'application/x-www-form-urlencoded': { schema } }
    return { requestBody: { required, content } }
  }
  if (!about.takes) return {}
  return { requestBody: { required: true, content: { [about.takes]: {} } } }
}

function response(answer: Answer, method: string): object {
  if (answer === null || method === 'HEAD') return { description: 'Done.' }
  return { description: 'As asked.', content: contentOf(answer) }
}

function contentOf(answer: Exclude<Answer, null>): Record<string, object> {
  if (answer instanceof z.ZodType) return contentOf({ type: 'application/json', shape: answer })
  if (typeof answer === 'object' && 'shape' in answer) {
    return { [answer.type]: { schema: schemaOf(answer.shape, 'answer') } }
  }
  return Object.fromEntries([answer].flat().map(type => [type, {}]))
}

/** What is asked may carry more than we read; what we answer is all that we say. */
function schemaOf(shape: z.ZodType, of: 'question' | 'answer'): Schema {
  const schema = z.toJSONSchema(shape, {
    io: of === 'question' ? 'input' : 'output',
    unrepresentable: 'any',
  }) as Schema
  delete schema.$schema
  return schema
}
