import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeRoutes } from './commands/routes.ts'
import { readConfig } from './config.ts'
import { openHub } from './open-hub.ts'

/**
 * Every route with the grant it asks for. A line that appears, or changes its grant, is looked at by a person:
 * `vitest run server/routes.test.ts -u` accepts it.
 */
it('are these', async () => {
  const data = await mkdtemp(join(tmpdir(), 'banyan-routes-'))
  const hub = await openHub(readConfig({ data, logLevel: 'silent' }, {}))
  try {
    await expect(`${describeRoutes(hub.routes).join('\n')}\n`).toMatchFileSnapshot('routes.snapshot.txt')
  } finally {
    await hub.close()
    await rm(data, { recursive: true })
  }
})
