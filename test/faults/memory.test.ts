import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noise, sha256OfFile } from '../clients/inputs.ts'
import { newMachine } from '../clients/run.ts'
import { type Hub, startHub } from '../hub.ts'
import { forgetPeak, peakMemory } from '../process-memory.ts'

/**
 * However large a file is, and however many read slowly, the hub holds less than 400 MiB.
 *
 * BANYAN_LARGE_MIB is the size of the files: 4096 takes minutes and 20 GB in the temporary folder.
 */
const size = Number(process.env.BANYAN_LARGE_MIB ?? 192) * 1024 * 1024
const mostMemory = 400
const slowReaders = 200
/** What the sockets between hub and reader hold, after which a slow reader is felt, is a few MiB. */
const readsFor = 6_000

// Linux tells the most that a process has held; nothing else does.
describe.runIf(process.platform === 'linux')('memory of the hub', () => {
  let hub: Hub
  let pid: number
  let file: string
  let sha256: string
  beforeAll(async () => {
    hub = await startHub()
    pid = hub.pid()
    const machine = await newMachine(hub.url, hub.token)
    file = join(machine.home, 'weights.bin')
    await writeWeights(file)
    sha256 = await sha256OfFile(file)
    await call('POST', '/api/repos/create', { name: 'large' })
    await forgetPeak(pid)
  })
  afterAll(() => hub?.stop())

  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(path.startsWith('http') ? path : hub.url + path, {
      method,
      headers: { authorization: `Bearer ${hub.token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    expect([path, answer.status]).toEqual([path, 200])
    return answer
  }

  it('stays within bounds while a large file comes and goes by hf_xet', { timeout: 1_200_000 }, async () => {
    const machine = await newMachine(hub.url, hub.token)
    await machine.run('hf', ['upload', 'ada/large', file, 'weights.bin'])
    await machine.run('hf', ['download', 'ada/large', 'weights.bin', '--local-dir', 'here'])
    expect(await sha256OfFile(join(machine.home, 'here/weights.bin'))).toBe(sha256)
    expect(await peakMemory(pid)).toBeLessThan(mostMemory)
  })

  it('stays within bounds while a large file comes and goes by LFS', { timeout: 1_200_000 }, async () => {
    // One bit makes it a file that the hub has not seen.
    const other = await open(file, 'r+')
    await other.write(Uint8Array.of(255), 0, 1, size - 1)
    const oid = await sha256OfFile(file)
    const batch = { operation: 'upload', transfers: ['basic'], objects: [{ oid, size }] }
    const answer = await call('POST', '/ada/large.git/info/lfs/objects/batch', batch)
    const { objects } = (await answer.json()) as { objects: { actions: { upload: { href: string } } }[] }
    const put = request(objects[0]!.actions.upload.href, {
      method: 'PUT',
      headers: { 'content-length': size },
    })
    other.createReadStream({ start: 0 }).pipe(put)
    const [response] = await once(put, 'response')
    response.resume()
    expect(response.statusCode).toBe(200)
    const line = { key: 'lfsFile', value: { path: 'by-lfs.bin', algo: 'sha256', oid, size } }
    const commit = [{ key: 'header', value: { summary: 'by LFS' } }, line].map(part => JSON.stringify(part))
    const committed = await fetch(`${hub.url}/api/models/ada/large/commit/main`, {
      method: 'POST',
      headers: { authorization: `Bearer ${hub.token}`, 'content-type': 'application/x-ndjson' },
      body: commit.join('\n'),
    })
    expect(committed.status).toBe(200)
    expect(await sha256Of('/ada/large/resolve/main/by-lfs.bin')).toBe(oid)
    expect(await peakMemory(pid)).toBeLessThan(mostMemory)
  })

  it(`stays within bounds while ${slowReaders} read slowly, and who reads fast gets all`, async () => {
    const head = await fetch(`${hub.url}/ada/large/resolve/main/weights.bin`, { method: 'HEAD' })
    const fileHash = head.headers.get('x-xet-hash')
    const token = (await (await call('GET', '/api/models/ada/large/xet-read-token/main')).json()) as {
      casUrl: string
      accessToken: string
    }
    const answer = await fetch(`${token.casUrl}/v2/reconstructions/${fileHash}`, {
      headers: { authorization: `Bearer ${token.accessToken}` },
    })
    const { xorbs } = (await answer.json()) as {
      xorbs: Record<string, { url: string; ranges: { bytes: { start: number; end: number } }[] }[]>
    }
    const entries = Object.values(xorbs).map(([entry]) => entry!)
    const readers = Array.from({ length: slowReaders }, (_, i) => {
      if (i % 2 === 0) return readSlowly(hub.port, '/ada/large/resolve/main/weights.bin')
      const { url, ranges } = entries[((i - 1) / 2) % entries.length]!
      const { pathname, search } = new URL(url)
      const { start, end } = ranges[0]!.bytes
      return readSlowly(hub.port, pathname + search, `Range: bytes=${start}-${end}\r\n`)
    })
    await sleep(readsFor)
    expect(await sha256Of('/ada/large/resolve/main/weights.bin')).toBe(sha256)
    const peak = await peakMemory(pid)
    for (const reader of readers) {
      expect(reader.got).toBeGreaterThan(50_000)
      expect(reader.socket.readableEnded).toBe(false)
      reader.socket.destroy()
    }
    expect(peak).toBeLessThan(mostMemory)
    // They are gone, and what they held is there for others.
    expect(await sha256Of('/ada/large/resolve/main/weights.bin')).toBe(sha256)
  })

  async function sha256Of(path: string): Promise<string> {
    const answer = await fetch(hub.url + path)
    const hash = createHash('sha256')
    for await (const bytes of answer.body!) hash.update(bytes)
    return hash.digest('hex')
  }
})

/** Half of each 64 KiB compresses, no two are alike: hf_xet compresses it, so that the hub has to decode. */
async function writeWeights(path: string): Promise<void> {
  const block = Buffer.alloc(65_536)
  const random = noise(16 * 1024 * 1024, 'weights')
  const handle = await open(path, 'w')
  for (let at = 0; at < size; at += block.length) {
    const from = at % (random.length - 65_536)
    block.set(random.subarray(from, from + 32_768))
    block.writeDoubleLE(at, 0)
    await handle.write(block, 0, Math.min(block.length, size - at))
  }
  await handle.close()
}

/** Asks for `path` and takes 50 KB of the answer each second. */
function readSlowly(port: number, path: string, headers = ''): { readonly socket: Socket; got: number } {
  const socket = connect(port, '127.0.0.1')
  const reader = { socket, got: 0 }
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n`)
  socket.on('data', bytes => {
    reader.got += bytes.length
    socket.pause()
    setTimeout(() => socket.resume(), bytes.length / 50)
  })
  socket.on('error', () => {})
  return reader
}
