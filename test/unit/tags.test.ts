// Which tags rules give: the table of what docker/metadata-action gives, and what we hold beyond it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { isTag } from "../../ci-server/core/image-ref.ts";
import { type Evaluation, evaluateTags, type TagEvent } from "../../ci-server/core/tags/evaluate.ts";
import { flavorMistake, readFlavor } from "../../ci-server/core/tags/flavor.ts";
import { readRule, tagRuleMistake } from "../../ci-server/core/tags/rule.ts";
import { exampleTagEvent } from "../helpers/example-tag-event.ts";

const table = join(import.meta.dirname, "../fixtures/metadata-action-tags.txt");

function evaluate(event: TagEvent, rules: readonly string[], flavor: readonly string[] = []): Evaluation {
  return evaluateTags(rules.map(readRule), readFlavor(flavor), event);
}

function names(event: string, ...rules: string[]): string {
  return evaluate(exampleTagEvent(event), rules)
    .tags.map(({ name }) => name)
    .join(" ");
}

describe("tags as docker/metadata-action gives them", () => {
  const rows = readFileSync(table, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" | "));

  it("are held by a table of its documented examples and its own tests", () => {
    expect(rows.length).to.be.greaterThan(150);
  });

  for (const [event = "", rules = "", tags = "", flavor = ""] of rows) {
    it(`${event}: ${rules}${flavor && ` (${flavor})`} gives ${tags || "none"}`, () => {
      const given = evaluate(exampleTagEvent(event), rules.split(" ; "), flavor === "" ? [] : flavor.split(" ; "));
      expect(given.tags.map(({ name }) => name).join(" ")).to.equal(tags);
    });
  }
});

describe("tag rules", () => {
  it("escape what an expression gives as Handlebars does, and then what a tag cannot hold", () => {
    expect(names("branch a=b&c", "type=ref,event=branch", "type=raw,value={{branch}}")).to.equal("a-b-c a-x3D-b-amp-c");
  });

  it("leave out what cannot be a tag, and say so", () => {
    const { tags, notes } = evaluate(exampleTagEvent("branch -x"), ["type=ref,event=branch", "type=sha"]);
    expect(tags.map(({ name }) => name)).to.deep.equal(["sha-860c190"]);
    expect(notes).to.deep.equal([
      'type=ref,event=branch: "-x" cannot be a tag and is left out; a tag has at most 128 letters, digits, _ . - and not beginning with . or -',
    ]);
  });

  it("say why a version is none, and why nothing matches", () => {
    const rules = ["type=semver,pattern={{version}}", "type=pep440,pattern={{version}}", "type=match,pattern=\\d"];
    expect(evaluate(exampleTagEvent("tag next"), rules).notes).to.deep.equal([
      'type=semver,pattern={{version}}: "next" is no version by semver',
      'type=pep440,pattern={{version}}: "next" is no version by pep440',
      'type=match,pattern=\\d: the pattern does not match "next"',
    ]);
  });

  it("know what names one content for ever, and what moves forward only", () => {
    const rules = [
      ...["type=semver,pattern={{version}}", "type=semver,pattern={{major}}.{{minor}}", "type=ref,event=tag"],
      ...["type=raw,value=latest", "type=raw,value=v2.0.0-rc.1", "type=raw,value=stable", "type=sha"],
      ...["type=raw,value={{date 'YYYY.MM.DD'}}", "type=semver,pattern={{version}},prefix=shop-"],
    ];
    const kinds = evaluate(exampleTagEvent("tag v1.2.3"), rules).tags.map(({ name, kind }) => `${name} ${kind}`);
    expect(kinds).to.have.members([
      ...["1.2.3 fixed", "1.2 forward", "shop-1.2.3 fixed", "v1.2.3 fixed", "latest forward", "v2.0.0-rc.1 fixed"],
      ...["stable free", "2020.01.10 free", "sha-860c190 free"],
    ]);
    const branch = evaluate(exampleTagEvent("branch master"), ["type=edge", "type=ref,event=branch"]);
    expect(branch.tags.map(({ kind }) => kind)).to.deep.equal(["forward", "forward"]);
    const early = evaluate(exampleTagEvent("tag 1.0dev4"), ["type=pep440,pattern={{major}}"]);
    expect(early.tags[0]).to.include({ name: "1.0.dev4", kind: "fixed" });
  });
});

describe("a tag rule with a mistake", () => {
  const mistakes: [string, string][] = [
    ["type=foo", "type has to be one of schedule, semver, pep440, match, edge, ref, raw, sha"],
    ["type=semver", "pattern is missing, such as pattern={{version}}"],
    ["type=match", "pattern is missing"],
    ["type=ref", "event is missing, such as event=branch"],
    ["type=ref,event=push", 'event has to be one of branch, tag, pr, not "push"'],
    ["type=raw", "value is missing, such as value=latest"],
    ["type=sha,format=tiny", 'format has to be one of short, long, not "tiny"'],
    ["type=sha,branch=main", 'type=sha has no "branch"; it has: type, enable, priority, prefix, suffix, format'],
    ["type=sha,enable=maybe", "enable has to be true, false, {{is_default_branch}} or {{is_not_default_branch}}"],
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of GitHub's
      "type=sha,enable=${{ github.ref == 'x' }}",
      "\"{{ github.ref == 'x' }}\" is not known; there are: {{branch}}, {{tag}}",
    ],
    ["type=sha,priority=high", 'priority has to be a number, not "high"'],
    ["type=raw,value={{brunch}}", '"{{brunch}}" is not known; there are: {{branch}}, {{tag}}, {{sha}}'],
    ["type=raw,value={{#if x}}", '"{{#if x}}" is not known'],
    ["type=raw,value={{branch", '"{{branch" is not known'],
    ["type=raw,value={{branch 'x'}}", "{{branch}} stands alone"],
    ["type=raw,value={{date}}", "{{date}} needs a format: {{date 'YYYYMMDD'}}"],
    ["type=raw,value={{date 'YYYY' zone='UTC'}}", '{{date}} has no "zone"'],
    ["type=raw,value={{date 'YYYY' tz='Nowhere'}}", 'there is no time zone "Nowhere"'],
    ["type=raw,value={{date 'z' tz='Asia/Tokyo'}}", "z is not known for other time zones than UTC"],
    [
      "type=semver,pattern={{sha}}",
      '"{{sha}}" is not known; there are: {{raw}}, {{version}}, {{major}}, {{minor}}, {{patch}}',
    ],
    ["type=semver,pattern={{raw}},match=\\d", "match needs a group in parentheses"],
    ["type=match,pattern=(", "the regular expression has a ( without its )"],
    ["type=match,pattern=(?=a)", "looks ahead or behind with (?, which is not supported"],
    ["type=match,pattern=(a)\\1", "refers back to a group with \\1, which is not supported"],
    ["type=match,pattern=/a/y", 'the flags "y" have to be of g, i, m, s, u'],
    ["type=match,pattern=((((a{9}){9}){9}){9}){9}", "the regular expression is too large"],
    ["type=match,pattern=a,group=x", 'group has to be the number of a group, not "x"'],
    ['type=match,"pattern=a', "a quote is opened and not closed"],
    ['type=match,pattern="a"', "a quote has to stand before the whole field"],
    [`type=raw,value=${"x".repeat(500)}`, "it has more than 500 characters"],
  ];
  for (const [rule, words] of mistakes) {
    it(`is reported with what is allowed: ${rule.slice(0, 60)}`, () => {
      const mistake = tagRuleMistake(rule);
      expect(mistake)
        .to.contain(words)
        .and.to.contain(`the tag rule "${rule.slice(0, 200)}`);
    });
  }

  it("is reported of a flavor too", () => {
    expect(flavorMistake("latest=maybe")).to.equal(
      'the flavor "latest=maybe": latest has to be one of auto, true, false, not "maybe"',
    );
    for (const line of ["colour=red", "latest", "onlatest=true", "latest=true,onlatest=true", "prefix=a,onlatest=yes"])
      expect(flavorMistake(line), line).to.contain("it may say latest=, and prefix= or suffix=");
    expect(flavorMistake("prefix=a-,onlatest=true,suffix={{branch}}")).to.equal(null);
  });
});

describe("any tag rules at all", () => {
  const words = fc.constantFrom(
    ...[
      "type=",
      "semver",
      "match",
      "raw",
      "sha",
      "ref",
      "pattern=",
      "value=",
      "prefix=",
      "{{",
      "}}",
      "branch",
      "date",
      " ",
    ],
    ...[
      "'",
      '"',
      ",",
      "=",
      "(",
      ")",
      "*",
      "[",
      "]",
      "\\",
      "{2,3}",
      "v1.2.3",
      "/",
      "-",
      ".",
      "tz=",
      "YYYY",
      "\u0000",
      "ü",
    ],
  );
  const rule = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(words, { maxLength: 14 }).map((all) => all.join("")),
  );
  const ref = fc.oneof(fc.string({ maxLength: 150 }), fc.constantFrom("v1.2.3", "1.0rc1", "release/1", "__proto__"));

  it("are a mistake that is told, or give tags only", () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), ref, ref, (rules, branch, gitTag) => {
        const valid = rules.filter((text) => {
          const mistake = tagRuleMistake(text);
          expect(mistake === null || mistake.startsWith("the tag rule ")).to.equal(true);
          return mistake === null;
        });
        const event = exampleTagEvent("pull 7", { branch, gitTag });
        const given = evaluate(event, [...valid, "type=ref,event=tag", "type=raw,value=x-{{branch}}"]).tags;
        for (const { name } of given) expect(isTag(name), name).to.equal(true);
        expect(new Set(given.map(({ name }) => name)).size).to.equal(given.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it("take no longer for a pattern that was made to take long", () => {
    const value = "a".repeat(160);
    const evil = ["(a+)+b", "(a|aa)*b", "((a*)*)*b", "(.*)*(.*)*(.*)*b", "(?:a{1,10}){1,9}b", "/(?:a.*z|.)/g"];
    const startedMs = performance.now();
    for (const pattern of evil) names("branch x", `type=match,"pattern=${pattern}",value=${value}`);
    for (const text of ["{{".repeat(2_000), `{{date '${"M".repeat(400)}'}}`, `{{ ${" ".repeat(400)}`])
      tagRuleMistake(`type=raw,value=${text}`);
    expect(performance.now() - startedMs).to.be.lessThan(1_000);
  });
});
