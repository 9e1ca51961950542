//! Records: a name, a version and fields, each with its shape.
//!
//! | shape | in the versioned record |
//! |---|---|
//! | `plain` | the plain shape |
//! | `payload` | a payload |
//! | `plain2` | the plain shape, since version 2 |
//! | `payload2` | a payload, since version 2 |

/// Defines records with both encodings. `none` in place of a version's type: there is no version.
macro_rules! record {
    ($(
        $(#[$meta:meta])*
        $name:ident $version_type:ident $version:literal {
            $($(#[$field_meta:meta])* $field:ident: $type:ty = $shape:ident,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::rpc::wire::Wire for $name {
            #[allow(unused_variables, reason = "a record may be empty")]
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::rpc::wire::Wire::put(&self.$field, out);)*
            }

            #[allow(unused_variables, reason = "a record may be empty")]
            fn take(input: &mut &[u8]) -> Result<Self, $crate::rpc::wire::WireError> {
                Ok(Self { $($field: <$type as $crate::rpc::wire::Wire>::take(input)?,)* })
            }

            #[allow(unused_variables, reason = "a record may be empty")]
            fn put_versioned(&self, out: &mut Vec<u8>) {
                $crate::rpc::wire::record!(@version $version_type $version out);
                $($crate::rpc::wire::record!(@put $shape self.$field, out);)*
            }

            #[allow(unused_variables, reason = "a record may be empty")]
            fn take_versioned(input: &mut &[u8]) -> Result<Self, $crate::rpc::wire::WireError> {
                let version: u16 = $crate::rpc::wire::record!(@read $version_type input);
                Ok(Self {
                    $($field: $crate::rpc::wire::record!(@take $shape $type, input, version),)*
                })
            }

            fn to_json(&self) -> serde_json::Value {
                #[allow(unused_mut, reason = "a record may be empty")]
                let mut fields = serde_json::Map::new();
                $(fields.insert(
                    $crate::rpc::wire::camel_case(stringify!($field)),
                    $crate::rpc::wire::Wire::to_json(&self.$field),
                );)*
                serde_json::Value::Object(fields)
            }

            #[allow(unused_variables, reason = "a record may be empty")]
            fn of_json(value: &serde_json::Value) -> Result<Self, $crate::rpc::wire::WireError> {
                Ok(Self {$(
                    $field: {
                        let name = $crate::rpc::wire::camel_case(stringify!($field));
                        let found = value.get(&name).unwrap_or(&serde_json::Value::Null);
                        $crate::rpc::wire::record!(@json $shape $type, found).map_err(|mut error| {
                            error.expected = format!("{name}: {}", error.expected);
                            error
                        })?
                    },
                )*})
            }
        }

        impl $name {
            /// Names of the fields, as in JSON.
            #[must_use]
            pub fn field_names() -> Vec<String> {
                vec![$($crate::rpc::wire::camel_case(stringify!($field)),)*]
            }
        }
    )*};

    (@version none $version:literal $out:ident) => {};
    (@version $type:ident $version:literal $out:ident) => {
        $crate::rpc::wire::Wire::put(&{ const VERSION: $type = $version; VERSION }, $out)
    };
    (@read none $input:ident) => { 1 };
    (@read $type:ident $input:ident) => {
        u16::from(<$type as $crate::rpc::wire::Wire>::take($input)?)
    };
    (@put plain $value:expr, $out:ident) => { $crate::rpc::wire::Wire::put(&$value, $out) };
    (@put plain2 $value:expr, $out:ident) => { $crate::rpc::wire::Wire::put(&$value, $out) };
    (@put payload $value:expr, $out:ident) => { $crate::rpc::wire::put_payload(&$value, $out) };
    (@put payload2 $value:expr, $out:ident) => { $crate::rpc::wire::put_payload(&$value, $out) };
    (@take plain $type:ty, $input:ident, $version:ident) => {
        <$type as $crate::rpc::wire::Wire>::take($input)?
    };
    (@take plain2 $type:ty, $input:ident, $version:ident) => {
        if $version > 1 {
            <$type as $crate::rpc::wire::Wire>::take($input)?
        } else {
            <$type>::default()
        }
    };
    (@take payload $type:ty, $input:ident, $version:ident) => {
        $crate::rpc::wire::take_payload::<$type>($input)?
    };
    (@take payload2 $type:ty, $input:ident, $version:ident) => {
        if $version > 1 {
            $crate::rpc::wire::take_payload::<$type>($input)?
        } else {
            <$type>::default()
        }
    };
    (@json plain2 $type:ty, $found:ident) => {
        if $found.is_null() {
            Ok(<$type>::default())
        } else {
            <$type as $crate::rpc::wire::Wire>::of_json($found)
        }
    };
    (@json $shape:ident $type:ty, $found:ident) => {
        <$type as $crate::rpc::wire::Wire>::of_json($found)
    };
}

pub(crate) use record;
