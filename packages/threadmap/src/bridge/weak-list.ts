/** A list that does not keep its members alive. Adding is O(1) on average: members that were collected are removed each time the list has doubled. */
export class WeakList<T extends object> {
  #members: WeakRef<T>[] = []
  #tidyAt = 8

  add(member: T): void {
    this.#members.push(new WeakRef(member))
    if (this.#members.length < this.#tidyAt) return
    this.#members = this.#members.filter(ref => ref.deref() !== undefined)
    this.#tidyAt = 8 + 2 * this.#members.length
  }

  *[Symbol.iterator](): Generator<T, undefined, unknown> {
    for (const ref of this.#members) {
      const member = ref.deref()
      if (member !== undefined) yield member
    }
  }
}
