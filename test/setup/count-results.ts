import { readFileSync } from 'node:fs'

/**
 * Prints `N passed, N failed` from vitest's JSON report. A file that could not be loaded counts as one failed test, and
 * so does a run that vitest itself calls unsuccessful for another reason. Fails when something failed or nothing ran.
 */
interface Report {
  success: boolean
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: readonly { status: string; assertionResults: readonly { status: string }[] }[]
}

const report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Report
const brokenFiles = report.testResults.filter(
  file => file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed'),
).length
const failed = Math.max(report.numFailedTests + brokenFiles, report.success ? 0 : 1)
const skipped = report.numPendingTests + report.numTodoTests
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0
