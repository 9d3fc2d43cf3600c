// The live stream and the actions: all communication of this page with the sandbox.

/** Listens to the sandbox, and reconnects by itself. Calls `onchange(parts)` after each burst, and `onstate(connected)`. */
export class Live {
  constructor(onchange, onstate) {
    this.parts = new Map();
    this.onchange = onchange;
    this.onstate = onstate;
    this.source = null;
    this.again = 0;
  }

  /** Follows these people, by name. */
  follow(names) {
    this.names = names;
    this.source?.close();
    clearTimeout(this.again);
    const source = new EventSource(`/api/live?people=${names.map(encodeURIComponent).join(",")}`);
    this.source = source;
    let fresh = true;
    source.addEventListener("open", () => { fresh = true; });
    source.addEventListener("part", (event) => {
      // A new stream begins with all parts: those not in it no longer exist.
      if (fresh) this.parts.clear();
      fresh = false;
      const line = event.data.indexOf("\n");
      const [name, part] = [JSON.parse(event.data.slice(0, line)), JSON.parse(event.data.slice(line + 1))];
      if (name !== "all") return void this.parts.set(name, part);
      this.onstate(true);
      this.onchange(this.parts);
    });
    source.addEventListener("error", () => {
      this.onstate(false);
      // After a refusal the browser stops reconnecting by itself.
      if (source.readyState === EventSource.CLOSED) this.again = setTimeout(() => this.follow(this.names), 1000);
    });
  }
}

/** Runs an action as a person. Returns the sandbox's answer; its `shown` is a sentence for the person. */
export async function runAction(name, body) {
  try {
    const answer = await fetch(`/api/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    return answer.headers.get("Content-Type")?.startsWith("application/json") ? JSON.parse(text) : { ok: false, shown: text };
  } catch {
    return { ok: false, shown: "The sandbox does not answer. Is `bot sandbox` still running?" };
  }
}
