/** A clock that a test moves. */
export class Ticking {
  time = 5000
  readonly now = (): number => this.time

  pass(ms: number): void {
    this.time += ms
  }
}
