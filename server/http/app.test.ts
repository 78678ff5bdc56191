import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { anonymous } from '../kernel/actor.ts'
import { type AppParts, createApp } from './app.ts'
import type { Doors } from './doors.ts'
import { linkNextPage } from './pages.ts'
import { count, list } from './query.ts'
import { type Route, route } from './route.ts'

let app: ReturnType<typeof createApp>
afterEach(() => app.close())

function appOf(routes: readonly Route[], publicUrl?: string, patience?: AppParts['patience']) {
  app = createApp({
    routes,
    doors: { anyone: () => undefined } as unknown as Doors,
    identify: async () => anonymous,
    findRepo: () => Promise.reject(new Error('no repositories here')),
    publicUrl,
    log: pino({ level: 'silent' }),
    metrics: { observe() {}, text: async () => '', contentType: 'text/plain' },
    ...(patience && { patience }),
  })
  return app
}

const about = { summary: 'Tried here', answers: { 200: null } }

const echo = route({
  method: 'GET',
  path: '/echo/*',
  grant: 'anyone',
  about,
  query: z.object({ limit: count, filter: list }),
  handle(call) {
    linkNextPage(call, 'next')
    return { tail: call.tail, ...(call.query.filter.length > 0 && { filter: call.query.filter }) }
  },
})

it('takes a "%" that stands for itself, and no other broken encoding', async () => {
  appOf([echo])
  expect((await app.inject('/echo/100%.txt')).json()).toEqual({ tail: '100%25.txt' })
  expect((await app.inject('/echo/a%20b%2Fc')).json()).toEqual({ tail: 'a%20b%2Fc' })
  const broken = await app.inject('/echo/%FF')
  expect(broken.statusCode).toBe(400)
  expect(broken.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  expect(broken.headers['x-error-message']).toBe(broken.json().error)
})

it.each(['', 'nonsense', 'a/b/c;;', 'a/b;;', 'application/x-what-ever'])(
  'takes a body of type "%s"',
  async type => {
    const length = route({
      method: 'PUT',
      path: '/length',
      grant: 'anyone',
      about,
      async handle({ stream }) {
        let bytes = 0
        for await (const piece of stream) bytes += piece.length
        return { bytes }
      },
    })
    const url = await appOf([length]).listen({ port: 0 })
    const answer = await fetch(`${url}/length`, {
      method: 'PUT',
      body: 'four',
      headers: { 'content-type': type },
    })
    expect(await answer.json()).toEqual({ bytes: 4 })
  },
)

it('names the next page under the public URL, its path included, whatever Host says', async () => {
  const ask = async (publicUrl: string | undefined, host: string) =>
    (await appOf([echo], publicUrl).inject({ url: '/echo/x?limit=1&a=b?c', headers: { host } })).headers.link
  expect(await ask('https://hub.example/banyan', 'x')).toBe(
    '<https://hub.example/banyan/echo/x?limit=1&a=b%3Fc&cursor=next>; rel="next"',
  )
  await app.close()
  expect(await ask(undefined, 'not a host')).toContain('/echo/x?limit=1&a=b%3Fc&cursor=next>; rel="next"')
})

it('keys of a query do not reach into objects', async () => {
  const answer = await appOf([echo]).inject('/echo/x?__proto__=a&__proto__=b&filter[]=c&filter=d')
  expect(answer.json()).toEqual({ tail: 'x', filter: ['c', 'd'] })
})

it('takes a whole URL as the target, as RFC 9112 asks', async () => {
  await appOf([echo]).listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  socket.write('GET http://hub.test/echo/a%2Fb HTTP/1.1\r\nHost: hub.test\r\nConnection: close\r\n\r\n')
  let answer = ''
  for await (const piece of socket) answer += piece
  expect(answer).toContain('{"tail":"a%2Fb"}')
})

it('lets a request under way end when it is closed', async () => {
  let begun = () => {}
  const hasBegun = new Promise<void>(resolve => {
    begun = resolve
  })
  const slow = route({
    method: 'GET',
    path: '/slow',
    grant: 'anyone',
    about,
    async handle() {
      begun()
      await sleep(200)
      return { done: true }
    },
  })
  const url = await appOf([slow]).listen({ port: 0, host: '127.0.0.1' })
  const answer = fetch(`${url}/slow`)
  await hasBegun
  await app.close()
  expect(await (await answer).json()).toEqual({ done: true })
})

describe('slow clients', () => {
  const upload = route({
    method: 'PUT',
    path: '/upload',
    grant: 'anyone',
    about,
    async handle({ stream }) {
      let bytes = 0
      for await (const piece of stream) bytes += piece.length
      return { bytes }
    },
  })
  const work = route({
    method: 'PUT',
    path: '/work',
    grant: 'anyone',
    about,
    handle: () => sleep(700, { done: true }),
  })
  const page = route({
    method: 'GET',
    path: '/page',
    grant: 'anyone',
    about,
    handle: ({ reply }) => reply.send(Buffer.alloc(64 * 1024 * 1024)),
  })

  /** Writes texts and waits between them for so many milliseconds. Resolves when the hub has closed the connection. */
  async function talk(
    patience: Partial<AppParts['patience']>,
    ...steps: (string | number)[]
  ): Promise<string> {
    const long = { headersMs: 20_000, idleMs: 20_000 }
    const { port } = new URL(
      await appOf([upload, work, page], undefined, { ...long, ...patience }).listen({
        port: 0,
        host: '127.0.0.1',
      }),
    )
    const socket = connect(Number(port), '127.0.0.1')
    let said = ''
    socket.on('data', piece => {
      said += piece
    })
    const closed = new Promise<void>(settle => {
      socket.on('error', () => {})
      socket.once('close', () => settle())
    })
    for (const step of steps) {
      if (typeof step === 'number') await sleep(step)
      else if (socket.writable) socket.write(step)
    }
    await closed
    return said
  }
  const put = (path: string, length: number) =>
    `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n`
  const slowestBody = { bytes: 100, withinMs: 200 }
  const trickle = (text: string, times: number) => Array.from({ length: times }, () => [text, 60]).flat()

  it('are told 408 when their headers do not come to an end', async () => {
    const said = await talk({ headersMs: 300 }, put('/upload', 1), ...trickle('X-A: b\r\n', 20))
    expect(said).toMatch(/^HTTP\/1\.1 408 [\s\S]*the request was not sent in time/)
  })

  it('are told 408 when their body comes in drops', async () => {
    const said = await talk({ slowestBody }, put('/upload', 1000), '\r\n', ...trickle('a', 20))
    expect(said).toMatch(/^HTTP\/1\.1 408 [\s\S]*fewer than 100; send it faster/)
  })

  it('are closed when nothing comes at all', async () => {
    expect(await talk({ idleMs: 300 }, put('/upload', 1000), '\r\n', 'a')).toBe('')
    await app.close()
    expect(await talk({ idleMs: 300 })).toBe('')
  })

  it('that send slowly but steadily are heard to the end', async () => {
    const said = await talk(
      { slowestBody },
      put('/upload', 2000),
      'Connection: close\r\n\r\n',
      ...trickle('a'.repeat(100), 20),
    )
    expect(said).toContain('{"bytes":2000}')
  })

  it('that wait for the hub are not closed, however long it works', async () => {
    expect(await talk({ idleMs: 300 }, put('/work', 1), 'Connection: close\r\n\r\na')).toContain(
      '{"done":true}',
    )
  })

  it('that do not read their answer are closed', async () => {
    const { port } = new URL(
      await appOf([page], undefined, { headersMs: 20_000, idleMs: 300 }).listen({
        port: 0,
        host: '127.0.0.1',
      }),
    )
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      onread: { buffer: Buffer.alloc(1024), callback: () => false },
    })
    socket.on('error', () => {})
    socket.write('GET /page HTTP/1.1\r\nHost: x\r\n\r\n')
    const count = () =>
      new Promise<number>((settle, reject) =>
        app.server.getConnections((error, count) => (error ? reject(error) : settle(count))),
      )
    await sleep(100)
    expect(await count()).toBe(1)
    while ((await count()) > 0) await sleep(50)
    socket.destroy()
  })
})
