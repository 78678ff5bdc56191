import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { readConfig } from '../config.ts'
import type { Route } from '../http/route.ts'
import { openHub } from '../open-hub.ts'

export function routesCommand(): Command {
  return new Command('routes')
    .description('print every route with the grant it asks for')
    .action(async () => {
      // The routes do not depend on what a hub holds: an empty one tells them.
      const data = await mkdtemp(join(tmpdir(), 'banyan-routes-'))
      try {
        const hub = await openHub(readConfig({ data, logLevel: 'silent' }, {}))
        process.stdout.write(`${describeRoutes(hub.routes).join('\n')}\n`)
        await hub.close()
      } finally {
        await rm(data, { recursive: true, force: true })
      }
    })
}

/** One line a route, sorted by path: method, grant, path. */
export function describeRoutes(routes: readonly Route[]): string[] {
  return routes
    .flatMap(({ method, grant, path }) => [method].flat().map(verb => ({ verb, grant, path })))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.verb < b.verb ? -1 : 1))
    .map(({ verb, grant, path }) => `${verb.padEnd(6)} ${grant.padEnd(13)} ${path}`)
}
