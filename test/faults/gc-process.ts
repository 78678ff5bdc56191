import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../../server/config.ts'
import { openHub } from '../../server/open-hub.ts'

/**
 * Collects garbage over and over, beside a hub on the same data, as `banyan gc` does it, but without the start of a
 * process each time. Arguments: data folder, seconds. The grace is a few seconds mostly and none at times. Prints what
 * it has removed, as JSON.
 */
const [data = '', seconds = '1'] = process.argv.slice(2)
const hub = await openHub(readConfig({ data, logLevel: 'silent' }, {}))
const removed = { runs: 0, xorbs: 0, orphans: 0, packs: 0 }
const end = Date.now() + Number(seconds) * 1000
let graceMs = 1000
while (Date.now() < end) {
  const options = { dryRun: false, graceMs }
  const files = await hub.blobs.collect({
    ...options,
    liveHolders: hub.repos.liveHolders,
    progress() {},
  })
  const packs = await hub.repos.collect(options)
  removed.runs++
  removed.xorbs += files.xorbs
  removed.orphans += files.orphans
  removed.packs += packs.objects / 2
  // Without any grace uploads are refused: often enough to meet every moment, seldom enough that most get through.
  graceMs = removed.runs % 8 === 0 ? 0 : 1000 + (removed.runs % 5) * 400
  await sleep(graceMs === 0 ? 0 : 250)
}
await hub.close()
console.log(JSON.stringify(removed))
