import { request } from 'node:http'
import type { CannedAnswer } from '../servers/bare-fastify.ts'

/** What belongs to the connection or is made anew by any server. */
const ofTheConnection = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding'])

/** Asks once and keeps the answer, headers included, for a server that answers the same without looking. */
export function recordAnswer(method: 'GET' | 'HEAD', url: URL): Promise<CannedAnswer> {
  return new Promise((settle, reject) => {
    const ask = request(url, { method }, answer => {
      const body: Buffer[] = []
      answer.on('data', bytes => body.push(bytes))
      answer.on('error', reject)
      answer.on('end', () => {
        const status = answer.statusCode ?? 0
        if (status !== 200) {
          reject(new Error(`${method} ${url} answered ${status}: ${Buffer.concat(body)}`))
          return
        }
        const headers: Record<string, string> = {}
        for (const [name, value] of Object.entries(answer.headers)) {
          if (!ofTheConnection.has(name) && value !== undefined) headers[name] = String(value)
        }
        settle({ method, path: url.pathname + url.search, status, headers, body: Buffer.concat(body) })
      })
    })
    ask.on('error', reject)
    ask.end()
  })
}
