/** Lines on stdout; what is under way on stderr, in place, where a person watches. */
export class Progress {
  #shownAt = 0
  #shown = false

  line(text: string): void {
    if (this.#shown) process.stderr.write('\r\x1b[K')
    this.#shown = false
    process.stdout.write(`${text}\n`)
  }

  update(text: string): void {
    const now = Date.now()
    if (!process.stderr.isTTY || now - this.#shownAt < 200) return
    this.#shownAt = now
    this.#shown = true
    process.stderr.write(`\r\x1b[K${text}`)
  }
}
