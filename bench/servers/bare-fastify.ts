import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { serve } from './forked.ts'

/** An answer to be given again and again, byte for byte. */
export interface CannedAnswer {
  readonly method: 'GET' | 'HEAD'
  /** Path and query. */
  readonly path: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** What the framework alone costs: a route that looks at nothing and answers what the hub had answered. */
serve(async (answers: readonly CannedAnswer[]) => {
  const app = Fastify({ exposeHeadRoutes: false })
  for (const { method, path, status, headers, body } of answers) {
    app.route({
      method,
      url: path.split('?', 1)[0] ?? path,
      handler: (_request, reply) =>
        reply
          .code(status)
          .headers(headers)
          .send(method === 'HEAD' ? undefined : body),
    })
  }
  return {
    listen: async (port, host) => {
      await app.listen({ port, host })
      return (app.server.address() as AddressInfo).port
    },
  }
})
