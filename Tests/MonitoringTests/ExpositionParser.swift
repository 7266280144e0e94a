/// A strict reader of Prometheus' text format 0.0.4, written after its page and from nothing of the writer's: it refuses
/// whatever the page does not allow, and what a scraper would quietly take amiss (a family twice, samples outside their
/// family, a series twice, histograms that are none).
struct ExpositionParser {
    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }
    struct Family: Equatable {
        var name: String
        var kind: String
        var help: String
        var samples: [Sample] = []
    }
    struct Fault: Error, CustomStringConvertible {
        var description: String
    }

    private(set) var families: [Family] = []

    init(_ text: String) throws {
        guard text.isEmpty || text.hasSuffix("\n") else { throw Fault(description: "the last line is not ended") }
        var help: (name: String, text: String)?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1)
                guard parts.count == 2 else { throw Fault(description: "HELP without text: \(line)") }
                help = (String(parts[0]), String(parts[1]))
            } else if line.hasPrefix("# TYPE ") {
                let parts = line.dropFirst(7).split(separator: " ", omittingEmptySubsequences: false)
                guard parts.count == 2, Self.isName(parts[0]), ["counter", "gauge", "histogram"].contains(parts[1]),
                    let text = help, text.name == parts[0], !families.contains(where: { $0.name == parts[0] })
                else { throw Fault(description: "bad TYPE: \(line)") }
                families.append(Family(name: String(parts[0]), kind: String(parts[1]), help: text.text))
                help = nil
            } else {
                try add(Self.sample(line), line)
            }
        }
        for family in families where family.kind == "histogram" { try Self.check(family) }
        if let empty = families.first(where: \.samples.isEmpty) { throw Fault(description: "\(empty.name) has no sample") }
    }

    subscript(_ name: String) -> Family? { families.first { $0.name == name } }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        families.lazy.flatMap(\.samples).first { $0.name == name && $0.labels == labels }?.value
    }

    private mutating func add(_ sample: Sample, _ line: Substring) throws {
        guard var family = families.last else { throw Fault(description: "a sample before any TYPE: \(line)") }
        let suffixes = family.kind == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { sample.name == family.name + $0 }) else {
            throw Fault(description: "a sample outside its family: \(line)")
        }
        guard !family.samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels }) else {
            throw Fault(description: "a series twice: \(line)")
        }
        if family.kind == "counter", sample.value < 0 || !sample.name.hasSuffix("_total") {
            throw Fault(description: "not a counter: \(line)")
        }
        family.samples.append(sample)
        families[families.count - 1] = family
    }

    private static func sample(_ line: Substring) throws -> Sample {
        let fault = Fault(description: "bad sample: \(line)")
        var rest = line
        let name = rest.prefix { $0 != "{" && $0 != " " }
        guard isName(name) else { throw fault }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            repeat {
                let label = rest.prefix { $0 != "=" }
                rest = rest.dropFirst(label.count)
                guard isName(label), !label.contains(":"), rest.hasPrefix("=\"") else { throw fault }
                rest = rest.dropFirst(2)
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    if character == "\\" {
                        switch rest.popFirst() {
                        case "\\": value += "\\"
                        case "\"": value += "\""
                        case "n": value += "\n"
                        default: throw fault
                        }
                    } else {
                        value.append(character)
                    }
                }
                guard labels.updateValue(value, forKey: String(label)) == nil else { throw fault }
                guard let next = rest.popFirst(), next == "," || next == "}" else { throw fault }
                if next == "}" { break }
            } while true
        }
        guard rest.first == " " else { throw fault }
        return Sample(name: String(name), labels: labels, value: try number(rest.dropFirst()))
    }

    private static func number(_ text: Substring) throws -> Double {
        switch text {
        case "+Inf": return .infinity
        case "-Inf": return -.infinity
        case "NaN": return .nan
        default:
            guard text.allSatisfy({ "0123456789.eE+-".contains($0) }), let value = Double(text) else {
                throw Fault(description: "bad number: \(text)")
            }
            return value
        }
    }

    private static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.first, first.isASCII, first.isLetter || first == "_" || first == ":" else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
    }

    /// Of each series: buckets with ascending bounds and counts that do not fall, the last +Inf and equal to the count.
    private static func check(_ family: Family) throws {
        var series: [[String: String]: [Sample]] = [:]
        for sample in family.samples { series[sample.labels.filter { $0.key != "le" }, default: []].append(sample) }
        for (labels, samples) in series {
            let fault = Fault(description: "\(family.name) \(labels) is no histogram")
            let buckets = samples.filter { $0.name == family.name + "_bucket" }
            guard samples.count == buckets.count + 2, samples.dropLast(2).map(\.name) == buckets.map(\.name),
                samples[buckets.count].name == family.name + "_sum", let count = samples.last,
                count.name == family.name + "_count"
            else { throw fault }
            let bounds = try buckets.map { try number($0.labels["le"].map { $0[...] } ?? "") }
            guard bounds.last == .infinity, zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }),
                zip(buckets, buckets.dropFirst()).allSatisfy({ $0.value <= $1.value }), buckets.last?.value == count.value
            else { throw fault }
        }
    }
}
