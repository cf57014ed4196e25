using System;
using System.Collections.Generic;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class LogTests
    {
        [Test]
        public void MessagesArriveWithTheirLevel()
        {
            var messages = new List<KeyValuePair<LogLevel, string>>();
            var options = Shared.Options();
            options.LogTo(LogLevel.Debug, (level, message) =>
            {
                lock (messages)
                {
                    messages.Add(new KeyValuePair<LogLevel, string>(level, message));
                }
            });
            Assert.That(options.LogLevel, Is.EqualTo(LogLevel.Debug));
            using (var engine = new Engine("sface", options))
            {
                // The receiver must outlive any collection.
                for (var i = 0; i < 5; i++)
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    engine.Extract(Shared.Photo("obama2.jpg")).Dispose();
                }
            }
            Assert.That(messages, Is.Not.Empty);
            foreach (var message in messages)
            {
                Assert.That(message.Key, Is.GreaterThan(LogLevel.Off).And.LessThanOrEqualTo(LogLevel.Debug));
                Assert.That(message.Value, Is.Not.Empty);
            }
        }

        [Test]
        public void WhatTheReceiverThrowsStaysInside()
        {
            var calls = 0;
            var options = Shared.Options();
            options.LogTo(LogLevel.Debug, (level, message) =>
            {
                calls++;
                throw new InvalidOperationException("not for native code");
            });
            using (var engine = new Engine("sface", options))
            {
                engine.Extract(Shared.Photo("obama2.jpg")).Dispose();
            }
            Assert.That(calls, Is.GreaterThan(0));
        }

        [Test]
        public void NothingIsLoggedUnlessAskedFor()
        {
            var calls = 0;
            var options = Shared.Options();
            options.LogTo(LogLevel.Off, (level, message) => calls++);
            using (var engine = new Engine("sface", options))
            {
                engine.Extract(Shared.Photo("obama2.jpg")).Dispose();
            }
            Assert.That(calls, Is.EqualTo(0));
            Shared.Throws<ArgumentNullException>(() => options.LogTo(LogLevel.Info, null));
        }
    }
}
