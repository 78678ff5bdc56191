import { type Bench, megabytesPerSecond, seconds } from './bench.ts'
import type { Rounds } from './figure.ts'
import { type Machine, newMachine } from './programs.ts'
import type { StoredFile } from './stored-file.ts'

const crowdSize = 8
/** Parts of the file; each of a crowd fetches one, two fetch the same. */
const crowdParts = 4

/** MB/s of one curl that fetches the whole file and throws it away. */
export async function compareOneClient(bench: Bench, stored: StoredFile): Promise<Rounds> {
  return compareDownloads(bench, stored, 5, [`0-${stored.size - 1}`])
}

/** MB/s of eight curls together; each fetches a quarter of the file by Range and throws it away. */
export async function compareCrowd(bench: Bench, stored: StoredFile): Promise<Rounds> {
  return compareDownloads(bench, stored, 3, crowdRanges(stored.size))
}

/** Eight clients at once, each of which fetches a quarter of a file. */
export async function fetchByCrowd(machine: Machine, url: string, size: number): Promise<void> {
  await fetchTogether(machine, url, crowdRanges(size))
}

async function compareDownloads(
  bench: Bench,
  stored: StoredFile,
  rounds: number,
  ranges: readonly string[],
): Promise<Rounds> {
  const machine = await newMachine(bench)
  const measure = async (url: string) => {
    let bytes = 0
    const duration = await seconds(async () => {
      bytes = await fetchTogether(machine, url, ranges)
    })
    return megabytesPerSecond(bytes, duration)
  }
  return bench.interleave({
    rounds,
    warmUp: true,
    ours: () => measure(stored.hubUrl),
    reference: () => measure(stored.nginxUrl),
  })
}

function crowdRanges(size: number): string[] {
  const part = Math.floor(size / crowdParts)
  return Array.from({ length: crowdSize }, (_, i) => {
    const start = (i % crowdParts) * part
    return `${start}-${start + part - 1}`
  })
}

/** One client a range, all at once; gives how many bytes came. */
async function fetchTogether(machine: Machine, url: string, ranges: readonly string[]): Promise<number> {
  const all = await Promise.all(ranges.map(range => fetchRange(machine, url, range)))
  return all.reduce((sum, bytes) => sum + bytes, 0)
}

async function fetchRange(machine: Machine, url: string, range: string): Promise<number> {
  const args = ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', '-r', range, url]
  const got = Number(await machine.run('curl', args))
  const [start = 0, last = 0] = range.split('-').map(Number)
  if (got !== last - start + 1) throw new Error(`${url} gave ${got} bytes of ${range}`)
  return got
}
