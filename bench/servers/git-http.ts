import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { plainServer, serve } from './forked.ts'

export interface GitHttpOptions {
  /** Holds bare repositories `NAME.git`. */
  readonly repositories: string
  /** Holds LFS objects, each a file named by its sha256. */
  readonly objects: string
}

/** git as git itself serves it: `git http-backend` behind a bridge to CGI, and LFS objects out of plain files. */
serve(async (options: GitHttpOptions) =>
  plainServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', `http://${request.headers.host}`)
    const object = /^\/objects\/([0-9a-f]{64})$/.exec(pathname)?.[1]
    if (object) void sendObject(join(options.objects, object), response)
    else if (pathname.endsWith('/info/lfs/objects/batch')) void answerBatch(request, response)
    else bridge(options.repositories, pathname, String(searchParams), request, response)
  }),
)

async function sendObject(path: string, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-length': (await stat(path)).size })
  createReadStream(path, { highWaterMark: 1024 * 1024 }).pipe(response)
}

async function answerBatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body: Buffer[] = []
  for await (const bytes of request) body.push(bytes)
  const { objects } = JSON.parse(Buffer.concat(body).toString('utf8')) as {
    objects: { oid: string; size: number }[]
  }
  const answers = objects.map(({ oid, size }) => ({
    oid,
    size,
    actions: { download: { href: `http://${request.headers.host}/objects/${oid}` } },
  }))
  response.setHeader('content-type', 'application/vnd.git-lfs+json')
  response.end(JSON.stringify({ transfer: 'basic', objects: answers }))
}

/** RFC 3875, as far as `git http-backend` needs it. */
function bridge(
  root: string,
  path: string,
  query: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const header = (name: string) => String(request.headers[name] ?? '')
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      GIT_PROTOCOL: header('git-protocol'),
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      ...(request.headers['content-length'] && { CONTENT_LENGTH: request.headers['content-length'] }),
    },
  })
  request.pipe(child.stdin)
  child.stdin.on('error', () => {}) // it need not read all
  let head = Buffer.alloc(0)
  child.stdout.on('data', function read(bytes: Buffer) {
    head = Buffer.concat([head, bytes])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    child.stdout.off('data', read)
    let status = 200
    for (const line of head.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(/:\s*/, 2)
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.writeHead(status)
    response.write(head.subarray(end + 4))
    child.stdout.pipe(response)
  })
}
