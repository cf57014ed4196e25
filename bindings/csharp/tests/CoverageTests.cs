using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;
using NUnit.Framework;

namespace QMagFace.Tests
{
    // That the tests call every public member, read off their own compiled code.
    [TestFixture]
    public class CoverageTests
    {
        private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
            | BindingFlags.Static | BindingFlags.DeclaredOnly;

        [Test]
        public void EveryPublicMemberIsCalledByATest()
        {
            var called = new HashSet<string>();
            foreach (var type in typeof(CoverageTests).Assembly.GetTypes())
            {
                foreach (var method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
                {
                    called.UnionWith(Calls(method));
                }
            }
            var uncalled = Public().Where(member => !called.Contains(Name(member))).Select(Name).ToList();
            Assert.That(uncalled, Is.Empty);
        }

        [Test]
        public void TheCheckSeesEnough()
        {
            // A check over nothing would pass.
            Assert.That(Public().Count(), Is.GreaterThan(120));
            Assert.That(Calls(MethodBase.GetCurrentMethod()).Any(name => name.Contains("GetCurrentMethod")), Is.True);
        }

        private static IEnumerable<MethodBase> Public()
        {
            const BindingFlags visible = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static
                | BindingFlags.DeclaredOnly;
            return typeof(Engine).Assembly.GetExportedTypes()
                .Where(type => !type.IsEnum && !typeof(Delegate).IsAssignableFrom(type))
                .SelectMany(type => type.GetMethods(visible).Cast<MethodBase>().Concat(type.GetConstructors(visible)))
                // Exceptions are made by the library alone.
                .Where(member => !(member.IsConstructor && typeof(Exception).IsAssignableFrom(member.DeclaringType)));
        }

        private static string Name(MethodBase method)
        {
            // Dispose is called through `using`, which names the interface.
            return method.Name == "Dispose" ? "Dispose" : method.DeclaringType + ": " + method;
        }

        private static IEnumerable<string> Calls(MethodBase method)
        {
            var body = method.GetMethodBody();
            if (body == null)
            {
                yield break;
            }
            var code = body.GetILAsByteArray();
            for (var at = 0; at < code.Length;)
            {
                var wide = code[at] == 0xfe;
                var opcode = Opcodes[(short)(wide ? 0xfe00 | code[at + 1] : code[at])];
                at += wide ? 2 : 1;
                if (opcode.OperandType == OperandType.InlineMethod)
                {
                    var target = method.Module.ResolveMethod(
                        BitConverter.ToInt32(code, at), method.DeclaringType.GetGenericArguments(),
                        method.IsGenericMethod ? method.GetGenericArguments() : Type.EmptyTypes);
                    if (target.DeclaringType != null)
                    {
                        yield return Name(target);
                    }
                }
                at += Size(opcode.OperandType, code, at);
            }
        }

        private static readonly Dictionary<short, OpCode> Opcodes = typeof(OpCodes)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field => (OpCode)field.GetValue(null))
            .ToDictionary(opcode => opcode.Value);

        private static int Size(OperandType type, byte[] code, int at)
        {
            switch (type)
            {
                case OperandType.InlineNone:
                    return 0;
                case OperandType.ShortInlineBrTarget:
                case OperandType.ShortInlineI:
                case OperandType.ShortInlineVar:
                    return 1;
                case OperandType.InlineVar:
                    return 2;
                case OperandType.InlineI8:
                case OperandType.InlineR:
                    return 8;
                case OperandType.InlineSwitch:
                    return 4 + (4 * BitConverter.ToInt32(code, at));
                default:
                    return 4;
            }
        }
    }
}
