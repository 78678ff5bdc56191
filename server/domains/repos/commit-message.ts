/** First line, and what follows the blank line after it. */
export function splitMessage(whole: string): { title: string; message: string } {
  const end = whole.indexOf('\n')
  if (end < 0) return { title: whole, message: '' }
  return { title: whole.slice(0, end), message: whole.slice(end + 1).trim() }
}
