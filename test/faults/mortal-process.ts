import { FaultPoints, openMortalHub, runTask } from './mortal-hub.ts'

/**
 * A hub that kills itself, as `kill -9` would, at a moment that is counted. Arguments: data folder, moment, and a task
 * as JSON, or nothing to serve; prints its address then.
 */
const [data = '', dieAt = '', task] = process.argv.slice(2)
const die = () => process.kill(process.pid, 'SIGKILL')
const hub = await openMortalHub(data, new FaultPoints(Number(dieAt), die))
if (task) {
  await runTask(hub, JSON.parse(task))
  await hub.close()
} else {
  const app = hub.createApp()
  console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
}
